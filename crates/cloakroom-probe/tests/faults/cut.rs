//! Connections are cut half way through a reply, again and again.

use std::net::SocketAddr;
use std::time::Duration;

use cloakroom_testbed::Proxy;
use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::Redis;

use crate::scenario::{MayLose, Scenario};

const FAULT: &str = "connections cut half way through a reply, 12 times";

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    let redis = Redis::start();
    cut("Redis", &redis.url(), redis.server().address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached() {
    let memcached = Memcached::start();
    cut("Memcached", &memcached.url(), memcached.server().address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    let postgres = Postgres::start();
    cut("PostgreSQL", &postgres.url(), postgres.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql() {
    let mysql = Mysqld::start();
    cut("MariaDB", &mysql.url(), mysql.server().address()).await;
}

async fn cut(store: &'static str, url: &str, server: SocketAddr) {
    let proxy = Proxy::to(server);
    let url = url.replace(&server.to_string(), &proxy.address().to_string());
    let scenario = Scenario {
        fault: FAULT,
        store,
        url,
        may_lose: MayLose::Nothing,
        away: move || {
            // At another place each time: in a header, in a body, in the middle of a number.
            for cut in 1..=12 {
                proxy.cut_after(cut * 97);
                while proxy.cuts() < cut {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        },
        back: || (),
    };
    scenario.play().await;
}
