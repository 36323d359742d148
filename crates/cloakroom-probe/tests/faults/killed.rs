//! The server is killed under load, and started again over what it kept.

use std::sync::Arc;

use cloakroom_testbed::Server;
use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::{REDIS, Redis, RedisLaunch};

use crate::scenario::{MayLose, Scenario};

const FAULT: &str = "killed and started again";

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_keeps_everything_loses_nothing() {
    let redis = Arc::new(RedisLaunch::new(REDIS).durable().start());
    let url = redis.url();
    kill("Redis", url, redis, Redis::server, MayLose::Nothing).await;
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
