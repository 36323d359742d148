//! Connections are cut half way through a reply, again and again.

use std::net::SocketAddr;
use std::time::Duration;

use cloakroom_testbed::Proxy;
use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::Redis;
use cloakroom_testbed::redis_cluster::RedisClusterLaunch;
use cloakroom_testbed::redis_sentinel::SentinelLaunch;

use crate::scenario::{MayLose, Scenario, both};

const FAULT: &str = "connections cut half way through a reply, 12 times";

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    let redis = Redis::start();
    cut_before("Redis", &redis.url(), redis.server().address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_of_several_servers() {
    both(watched(), cluster()).await;
}

/// The sentinels see the primary behind the proxy, and lead there.
async fn watched() {
    let primary = Redis::start();
    let proxy = Proxy::to(primary.server().address());
    let sentinels = SentinelLaunch::over(&primary).through(&proxy).start(0);
    cut("Redis with Sentinel", sentinels.url(""), vec![proxy]).await;
}

async fn cluster() {
    let cluster = RedisClusterLaunch::new(3).behind_proxies().start();
    cut("Redis Cluster", cluster.url(), cluster.proxies().to_vec()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached() {
    let memcached = Memcached::start();
    cut_before("Memcached", &memcached.url(), memcached.server().address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    let postgres = Postgres::start();
    cut_before("PostgreSQL", &postgres.url(), postgres.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql() {
    let mysql = Mysqld::start();
    cut_before("MariaDB", &mysql.url(), mysql.server().address()).await;
}

async fn cut_before(store: &'static str, url: &str, server: SocketAddr) {
    let proxy = Proxy::to(server);
    let url = url.replace(&server.to_string(), &proxy.address().to_string());
    cut(store, url, vec![proxy]).await;
}

/// Cuts connections of all these proxies, one after the other.
async fn cut(store: &'static str, url: String, proxies: Vec<Proxy>) {
    let scenario = Scenario {
        fault: FAULT,
        store,
        url,
        may_lose: MayLose::Nothing,
        away: move || {
            // At another place each time: in a header, in a body, in the middle of a number.
            for (cut, proxy) in (1..=12).zip(proxies.iter().cycle()) {
                let before = proxy.cuts();
                proxy.cut_after(cut * 97);
                while proxy.cuts() == before {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        },
        back: || (),
    };
    scenario.play().await;
}
