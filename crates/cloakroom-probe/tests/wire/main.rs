//! Invariant 6 on the wire: what each route of the probe sends to a server, listened to on its way there, and held
//! against what the server itself has counted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

#[path = "../requests/browser.rs"]
#[allow(dead_code, reason = "the request suite uses more of it")]
mod browser;
mod routes;

use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::Redis;
use cloakroom_testbed::{Protocol, Tap};

use routes::{Costs, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_sent_what_the_design_says() {
    let redis = Redis::start();
    let costs = Costs {
        protocol: Protocol::Redis,
        verbs: &["GET", "EVALSHA"],
        touch: 1,
        sign_in: 1,
        sign_out: 1,
    };
    let mut stage = listen(&redis.url(), redis.server().address(), costs).await;
    redis.command(&["CONFIG", "RESETSTAT"]);
    stage.ask_all().await;
    let calls = redis.calls();
    println!("as Redis counts them, those of scripts included: {calls:?}");
    let counted = |name: &str| {
        calls
            .iter()
            .find(|(called, _)| called == name)
            .map_or(0, |(_, times)| *times)
    };
    // What scripts read themselves is a GETRANGE or the like, and never a GET.
    assert_eq!(counted("get") + counted("evalsha"), stage.counted);
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached_is_sent_what_the_design_says() {
    let memcached = Memcached::start();
    let costs = Costs {
        protocol: Protocol::Memcached,
        verbs: &["mg", "ms", "md"],
        touch: 2,
        sign_in: 1,
        sign_out: 2,
    };
    let mut stage = listen(&memcached.url(), memcached.server().address(), costs).await;
    let requests = || {
        let stats = memcached.stats();
        ["cmd_get", "cmd_set", "delete_hits", "delete_misses"]
            .map(|name| stats[name])
            .iter()
            .sum::<u64>()
    };
    let before = requests();
    stage.ask_all().await;
    assert_eq!(requests() - before, stage.counted, "as Memcached counts them");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_sent_what_the_design_says() {
    let postgres = Postgres::start();
    let costs = Costs {
        protocol: Protocol::Postgres,
        verbs: &["execute", "query"],
        touch: 1,
        sign_in: 1,
        sign_out: 1,
    };
    listen(&postgres.url(), postgres.address(), costs)
        .await
        .ask_all()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_sent_what_the_design_says() {
    let mysql = Mysqld::start();
    let costs = Costs {
        protocol: Protocol::Mysql,
        verbs: &["execute", "query"],
        touch: 1,
        sign_in: 1,
        sign_out: 1,
    };
    listen(&mysql.url(), mysql.server().address(), costs)
        .await
        .ask_all()
        .await;
}

async fn listen(url: &str, server: std::net::SocketAddr, costs: Costs) -> Stage {
    let tap = Tap::before(server);
    let url = url.replace(&server.to_string(), &tap.address().to_string());
    Stage::open(&url, tap, costs).await
}
