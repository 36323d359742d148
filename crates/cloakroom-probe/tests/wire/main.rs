//! Invariant 6 on the wire: what each route of the probe sends to a server, all of it, listened to on its way there, and held
//! against what the server itself has counted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

#[path = "../requests/browser.rs"]
#[allow(dead_code, reason = "the request suite uses more of it")]
mod browser;
#[path = "../requests/encodings.rs"]
#[allow(dead_code, reason = "the request suite uses more of it")]
mod encodings;
mod stage;
mod table;

use std::net::SocketAddr;
use std::time::Duration;

use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::{Redis, RedisLaunch};
use cloakroom_testbed::redis_cluster::RedisClusterLaunch;
use cloakroom_testbed::redis_sentinel::SentinelLaunch;
use cloakroom_testbed::{Protocol, Proxy, Tap};

use stage::{Listened, Stage};
use table::Store;

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_sent_what_the_table_says() {
    let redis = Redis::start();
    let server = listen(
        Store::Redis,
        Protocol::Redis,
        &redis.url(),
        redis.server().address(),
    );
    let mut stage = Stage::open(server).await;
    redis.command(&["CONFIG", "RESETSTAT"]);
    stage.ask_all().await;
    check_calls(&[redis], &stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_behind_sentinels_is_sent_the_same() {
    let primary = Redis::start();
    let replica = RedisLaunch::default().replica_of(&primary).start();
    primary.is_followed_by(1);
    let way = Proxy::to(primary.server().address());
    let sentinels = SentinelLaunch::over(&primary)
        .through(&way)
        .patience(Duration::from_secs(60))
        .start(1);
    // The sentinels have connected: whoever comes now is the store.
    let tap = Tap::before(primary.server().address());
    way.lead_to(tap.address());
    let server = Listened {
        store: Store::Redis,
        protocol: Protocol::Redis,
        url: sentinels.url(""),
        taps: vec![tap],
        by_the_clock: None,
    };
    let mut stage = Stage::open(server).await;
    primary.command(&["CONFIG", "RESETSTAT"]);
    stage.ask_all().await;
    check_calls(&[primary], &stage);
    drop(replica);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_redis_is_sent_what_the_table_says() {
    let cluster = RedisClusterLaunch::new(3).behind_proxies().start();
    let ways = cluster.proxies().iter().zip(cluster.nodes());
    let taps = ways.map(|(way, node)| {
        let tap = Tap::before(node.server().address());
        way.lead_to(tap.address());
        tap
    });
    let server = Listened {
        store: Store::Cluster,
        protocol: Protocol::Redis,
        url: cluster.url(),
        taps: taps.collect(),
        // Every five seconds the store asks who has which slots.
        by_the_clock: Some(("CLUSTER", Duration::from_secs(5))),
    };
    let mut stage = Stage::open(server).await;
    for node in cluster.nodes() {
        node.command(&["CONFIG", "RESETSTAT"]);
    }
    stage.ask_all().await;
    check_calls(cluster.nodes(), &stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn memcached_is_sent_what_the_table_says() {
    let memcached = Memcached::start();
    let (url, address) = (memcached.url(), memcached.server().address());
    let mut stage = Stage::open(listen(Store::Memcached, Protocol::Memcached, &url, address)).await;
    let requests = || {
        let stats = memcached.stats();
        ["cmd_get", "cmd_set", "delete_hits", "delete_misses"]
            .map(|name| stats[name])
            .iter()
            .sum::<u64>()
    };
    let before = requests();
    stage.ask_all().await;
    let heard = ["mg", "ms", "md"]
        .map(|name| stage.heard(name))
        .iter()
        .sum::<usize>();
    assert_eq!(requests() - before, heard as u64, "as Memcached counts them");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_sent_what_the_table_says() {
    let postgres = Postgres::start();
    let server = listen(
        Store::Postgres,
        Protocol::Postgres,
        &postgres.url(),
        postgres.address(),
    );
    let mut stage = Stage::open(server).await;
    let ask = |statement: &str| postgres.ask(statement).expect("the server answers");
    ask("CREATE EXTENSION pg_stat_statements");
    ask("SELECT pg_stat_statements_reset()");
    stage.ask_all().await;
    let calls = ask("SELECT sum(calls) FROM pg_stat_statements \
         WHERE toplevel AND query NOT LIKE '%pg_stat_statements%'");
    assert_eq!(
        calls,
        stage.heard("execute").to_string(),
        "as PostgreSQL counts them"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_sent_what_the_table_says() {
    let mysql = Mysqld::start();
    let mut server = listen(
        Store::Mysql,
        Protocol::Mysql,
        &mysql.url(),
        mysql.server().address(),
    );
    // A connection that was not used for two seconds is asked whether it is still there.
    server.by_the_clock = Some(("ping", Duration::from_secs(2)));
    let mut stage = Stage::open(server).await;
    let executed = || {
        let status = mysql
            .ask("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")
            .expect("the server answers");
        let number = status
            .split_whitespace()
            .last()
            .and_then(|word| word.parse().ok());
        number.unwrap_or_else(|| panic!("a number: {status}"))
    };
    let before: usize = executed();
    stage.ask_all().await;
    assert_eq!(
        executed() - before,
        stage.heard("execute"),
        "as MySQL counts them"
    );
}

/// Listens in front of a server that is all there is.
fn listen(store: Store, protocol: Protocol, url: &str, server: SocketAddr) -> Listened {
    let tap = Tap::before(server);
    Listened {
        store,
        protocol,
        url: url.replace(&server.to_string(), &tap.address().to_string()),
        taps: vec![tap],
        by_the_clock: None,
    }
}

/// Holds what was heard against the servers' own statistics. These have what scripts call too, which is neither a script nor a
/// `GET`.
fn check_calls(servers: &[Redis], stage: &Stage) {
    let calls: Vec<_> = servers.iter().flat_map(Redis::calls).collect();
    println!("as Redis counts them, those of scripts included: {calls:?}");
    for name in ["GET", "EVALSHA"] {
        let counted: u64 = calls
            .iter()
            .filter(|(called, _)| called.eq_ignore_ascii_case(name))
            .map(|(_, times)| times)
            .sum();
        assert_eq!(counted, stage.heard(name) as u64, "{name}");
    }
}
