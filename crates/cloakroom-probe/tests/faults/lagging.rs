//! The server that was written to is lost with what had not reached its replica, which takes its place.

use std::sync::Arc;

use cloakroom_testbed::mysql_replica::{Answers, Replicated};
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::postgres_standby::Standby;
use cloakroom_testbed::redis_cluster::RedisClusterLaunch;
use cloakroom_testbed::wait_until;

use crate::scenario::{MayLose, Scenario, both};

const FAULT: &str = "the primary is killed while its replicas lag";
const FAULT_AWAITED: &str = "the primary is killed while its replicas lag; writes wait for a replica";

#[tokio::test(flavor = "multi_thread")]
async fn redis_cluster() {
    let cluster = Arc::new(RedisClusterLaunch::new(3).replicas(1).start());
    let (behind, away, back) = (Arc::clone(&cluster), Arc::clone(&cluster), Arc::clone(&cluster));
    let scenario = Scenario {
        fault: FAULT,
        store: "Redis Cluster",
        url: cluster.url(),
        may_lose: MayLose::LastWrites,
        away: move || away.nodes()[0].server().stop(),
        back: move || {
            wait_until("the replica to take over", || back.owner_by(1, 0) != Some(0));
        },
    };
    let fall_behind = move || {
        let primary = &behind.nodes()[0];
        // Nobody new may follow it, and who follows is thrown out.
        primary.command(&["ACL", "SETUSER", "default", "-psync", "-sync"]);
        primary.command(&["CLIENT", "KILL", "TYPE", "replica"]);
    };
    scenario.play_behind(fall_behind).await;
    // Until here it was there.
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_loses_nothing_where_it_waits() {
    both(
        postgres_with(FAULT, &[], "", MayLose::LastWrites),
        postgres_with(
            FAULT_AWAITED,
            &["synchronous_standby_names=*"],
            "?synchronous_commit=on",
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
    let (behind, cut, promoted) = (Arc::clone(&standby), Arc::clone(&standby), Arc::clone(&standby));
    let scenario = Scenario {
        fault,
        store: "PostgreSQL",
        url: standby.url_with(&primary) + options,
        may_lose,
        away: move || {
            primary.stop();
            cut.lose_what_was_held_up();
        },
        back: move || promoted.promote(),
    };
    scenario.play_behind(move || behind.fall_behind()).await;
    // Until here it was there.
    drop(standby);
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_loses_nothing_where_it_waits() {
    both(
        mysql_that(FAULT, Answers::AtOnce, MayLose::LastWrites),
        mysql_that(FAULT_AWAITED, Answers::WhenTheReplicaHasIt, MayLose::Nothing),
    )
    .await;
}

async fn mysql_that(fault: &'static str, answers: Answers, may_lose: MayLose) {
    let servers = Arc::new(Replicated::start(answers));
    let (behind, away, back) = (Arc::clone(&servers), Arc::clone(&servers), Arc::clone(&servers));
    let scenario = Scenario {
        fault,
        store: "MariaDB",
        url: servers.url(),
        may_lose,
        away: move || {
            away.primary().stop();
            away.lose_what_was_held_up();
        },
        back: move || back.promote(),
    };
    scenario.play_behind(move || behind.fall_behind()).await;
    // Until here they were there.
    drop(servers);
}
