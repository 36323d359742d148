//! The server freezes under load, with its connections open, and goes on later.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_testbed::Server;
use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::{Redis, RedisLaunch};
use cloakroom_testbed::redis_cluster::RedisCluster;
use cloakroom_testbed::redis_sentinel::SentinelLaunch;

use crate::scenario::{MayLose, Scenario, both};

const FAULT: &str = "paused, so that nothing answers";

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    let redis = Arc::new(Redis::start());
    let url = redis.url();
    pause("Redis", url, redis, Redis::server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_of_several_servers() {
    both(watched(), cluster()).await;
}

/// It goes on before the sentinels take it for lost.
async fn watched() {
    let primary = Redis::start();
    let replica = RedisLaunch::default().replica_of(&primary).start();
    primary.is_followed_by(1);
    let sentinels = SentinelLaunch::over(&primary)
        .patience(Duration::from_secs(60))
        .start(1);
    let url = sentinels.url("");
    let watched = Arc::new((primary, replica, sentinels));
    pause("Redis with Sentinel", url, watched, |(primary, ..)| {
        primary.server()
    })
    .await;
}

/// One of three primaries.
async fn cluster() {
    let cluster = Arc::new(RedisCluster::start(3));
    let url = cluster.url();
    pause("Redis Cluster", url, cluster, |cluster| {
        cluster.nodes()[0].server()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached() {
    let memcached = Arc::new(Memcached::start());
    let url = memcached.url();
    pause("Memcached", url, memcached, Memcached::server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    let postgres = Arc::new(Postgres::start());
    let url = postgres.url();
    pause("PostgreSQL", url, postgres, |postgres| postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql() {
    let mysql = Arc::new(Mysqld::start());
    let url = mysql.url();
    pause("MariaDB", url, mysql, Mysqld::server).await;
}

async fn pause<T: Send + Sync + 'static>(
    store: &'static str,
    url: String,
    owner: Arc<T>,
    server: fn(&T) -> &Server,
) {
    let (away, back) = (Arc::clone(&owner), Arc::clone(&owner));
    let scenario = Scenario {
        fault: FAULT,
        store,
        url,
        may_lose: MayLose::Nothing,
        away: move || server(&away).pause(),
        back: move || server(&back).resume(),
    };
    scenario.play().await;
    // Until here it was there.
    drop(owner);
}
