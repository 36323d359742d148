//! The server is killed under load, and started again over what it kept.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_testbed::Server;
use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::{Redis, RedisLaunch};
use cloakroom_testbed::redis_cluster::RedisClusterLaunch;
use cloakroom_testbed::redis_sentinel::SentinelLaunch;

use crate::scenario::{MayLose, Scenario, both};

const FAULT: &str = "killed and started again";

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_keeps_everything_loses_nothing() {
    let redis = Arc::new(RedisLaunch::default().durable().start());
    let url = redis.url();
    kill("Redis", url, redis, Redis::server, MayLose::Nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_of_several_servers_loses_nothing() {
    both(watched(), cluster()).await;
}

/// It is back before the sentinels take it for lost.
async fn watched() {
    let primary = RedisLaunch::default().durable().start();
    let replica = RedisLaunch::default().replica_of(&primary).start();
    primary.is_followed_by(1);
    let sentinels = SentinelLaunch::over(&primary)
        .patience(Duration::from_secs(60))
        .start(1);
    let url = sentinels.url("");
    let watched = Arc::new((primary, replica, sentinels));
    kill(
        "Redis with Sentinel",
        url,
        watched,
        |(primary, ..)| primary.server(),
        MayLose::Nothing,
    )
    .await;
}

/// Its slots have no replica that could take over.
async fn cluster() {
    let cluster = Arc::new(RedisClusterLaunch::new(3).durable().start());
    let url = cluster.url();
    kill(
        "Redis Cluster",
        url,
        cluster,
        |cluster| cluster.nodes()[0].server(),
        MayLose::Nothing,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached_begins_empty() {
    let memcached = Arc::new(Memcached::start());
    let url = memcached.url();
    kill(
        "Memcached",
        url,
        memcached,
        Memcached::server,
        MayLose::Everything,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_loses_nothing() {
    let postgres = Arc::new(Postgres::start());
    let url = postgres.url();
    kill("PostgreSQL", url, postgres, |postgres| postgres, MayLose::Nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_loses_nothing() {
    let mysql = Arc::new(Mysqld::start());
    let url = mysql.url();
    kill("MariaDB", url, mysql, Mysqld::server, MayLose::Nothing).await;
}

async fn kill<T: Send + Sync + 'static>(
    store: &'static str,
    url: String,
    owner: Arc<T>,
    server: fn(&T) -> &Server,
    may_lose: MayLose,
) {
    let (away, back) = (Arc::clone(&owner), Arc::clone(&owner));
    let scenario = Scenario {
        fault: FAULT,
        store,
        url,
        may_lose,
        away: move || server(&away).stop(),
        back: move || server(&back).start_again(),
    };
    scenario.play().await;
    // Until here it was there.
    drop(owner);
}
