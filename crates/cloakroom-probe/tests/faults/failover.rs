//! The server that was written to is lost, and a replica takes its place.

use std::sync::Arc;

use cloakroom_testbed::mysql_replica::{Answers, Replicated};
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::postgres_standby::Standby;
use cloakroom_testbed::redis::{Redis, RedisLaunch};
use cloakroom_testbed::redis_cluster::{RedisCluster, RedisClusterLaunch};
use cloakroom_testbed::redis_sentinel::Sentinels;
use cloakroom_testbed::wait_until;

use crate::scenario::{MayLose, Scenario, both};

const FAULT: &str = "the primary is killed, a replica takes over";
const FAULT_AWAITED: &str = "the primary is killed, a replica takes over; writes wait for a replica";
const FAULT_WAKES_UP: &str = "the primary freezes, a replica takes over, and it wakes up again";

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_sentinel() {
    both(
        async { Watched::start().loses_its_primary(FAULT, "").await },
        async {
            let options = "?wait_replicas=1";
            Watched::start().loses_its_primary(FAULT_AWAITED, options).await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_wakes_up() {
    both(watched_that_wakes_up(), cluster_that_wakes_up()).await;
}

async fn watched_that_wakes_up() {
    let watched = Arc::new(Watched::start());
    let (away, back) = (Arc::clone(&watched), Arc::clone(&watched));
    let scenario = Scenario {
        fault: FAULT_WAKES_UP,
        store: "Redis with Sentinel",
        url: watched.sentinels.url(""),
        may_lose: MayLose::LastWrites,
        away: move || away.primary.server().pause(),
        back: move || {
            back.another_takes_over();
            back.primary.server().resume();
        },
    };
    scenario.play().await;
    // Until here it was there.
    drop(watched);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_cluster() {
    let cluster = Arc::new(RedisClusterLaunch::new(3).replicas(1).start());
    let (away, back) = (Arc::clone(&cluster), Arc::clone(&cluster));
    let scenario = Scenario {
        fault: FAULT,
        store: "Redis Cluster",
        url: cluster.url(),
        may_lose: MayLose::LastWrites,
        away: move || away.nodes()[0].server().stop(),
        back: move || takes_over(&back),
    };
    scenario.play().await;
    drop(cluster);
}

async fn cluster_that_wakes_up() {
    let cluster = Arc::new(RedisClusterLaunch::new(3).replicas(1).start());
    let (away, back) = (Arc::clone(&cluster), Arc::clone(&cluster));
    let scenario = Scenario {
        fault: FAULT_WAKES_UP,
        store: "Redis Cluster",
        url: cluster.url(),
        may_lose: MayLose::LastWrites,
        away: move || away.nodes()[0].server().pause(),
        back: move || {
            takes_over(&back);
            back.nodes()[0].server().resume();
        },
    };
    scenario.play().await;
    drop(cluster);
}

/// Waits until the first primary's slots are another node's.
fn takes_over(cluster: &RedisCluster) {
    wait_until("the replica to take over", || cluster.owner_by(1, 0) != Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    both(
        postgres_with(FAULT, &[], "", MayLose::LastWrites),
        postgres_with(
            FAULT_AWAITED,
            &["synchronous_standby_names=*"],
            "?synchronous_commit=remote_apply",
            MayLose::Nothing,
        ),
    )
    .await;
}

async fn postgres_with(
    fault: &'static str,
    settings: &'static [&'static str],
    options: &'static str,
    may_lose: MayLose,
) {
    let primary = Postgres::start_with(settings);
    let standby = Arc::new(Standby::of(&primary));
    let promoted = Arc::clone(&standby);
    let scenario = Scenario {
        fault,
        store: "PostgreSQL",
        url: standby.url_with(&primary) + options,
        may_lose,
        away: move || primary.stop(),
        back: move || promoted.promote(),
    };
    scenario.play().await;
    drop(standby);
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql() {
    both(
        mysql_that(FAULT, Answers::AtOnce, MayLose::LastWrites),
        mysql_that(FAULT_AWAITED, Answers::WhenTheReplicaHasIt, MayLose::Nothing),
    )
    .await;
}

async fn mysql_that(fault: &'static str, answers: Answers, may_lose: MayLose) {
    let servers = Arc::new(Replicated::start(answers));
    let (away, back) = (Arc::clone(&servers), Arc::clone(&servers));
    let scenario = Scenario {
        fault,
        store: "MariaDB",
        url: servers.url(),
        may_lose,
        away: move || away.primary().stop(),
        back: move || back.promote(),
    };
    scenario.play().await;
    drop(servers);
}

/// A primary of Redis with two replicas, and the sentinels that watch over them.
struct Watched {
    primary: Redis,
    _replicas: Vec<Redis>,
    sentinels: Sentinels,
}

impl Watched {
    fn start() -> Self {
        let primary = Redis::start();
        let replicas = (0..2)
            .map(|_| RedisLaunch::default().replica_of(&primary).start())
            .collect();
        primary.is_followed_by(2);
        let sentinels = Sentinels::watch(&primary, 2);
        Self {
            primary,
            _replicas: replicas,
            sentinels,
        }
    }

    async fn loses_its_primary(self, fault: &'static str, options: &str) {
        let watched = Arc::new(self);
        let (away, back) = (Arc::clone(&watched), Arc::clone(&watched));
        let scenario = Scenario {
            fault,
            store: "Redis with Sentinel",
            url: watched.sentinels.url("") + options,
            may_lose: MayLose::LastWrites,
            away: move || away.primary.server().stop(),
            back: move || back.another_takes_over(),
        };
        scenario.play().await;
        drop(watched);
    }

    fn another_takes_over(&self) {
        let first = self.primary.server().port();
        wait_until("a replica to take over", || {
            self.sentinels.primary().is_some_and(|port| port != first)
        });
    }
}
