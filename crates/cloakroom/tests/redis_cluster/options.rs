//! URLs and settings: what is accepted, and what an error says.

use std::time::Duration;

use cloakroom::stores::RedisCluster;
use cloakroom::stores::redis::RedisClusterOptions;
use cloakroom_store::{ErrorKind, Record, Store, Timestamp};
use cloakroom_testbed::redis::Redis;
use cloakroom_testbed::redis_cluster;

use crate::fixture::{applied, load, record_of, write};
use cloakroom_store::Expect;

async fn refused(url: &str) -> (ErrorKind, String) {
    let error = RedisCluster::connect(url).await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_url_that_makes_no_sense_is_told_what_does() {
    for (url, says) in [
        ("redis://host", "redis-cluster://"),
        ("redis-cluster://", "some nodes of the cluster"),
        ("redis-cluster://host/1", "nothing behind them"),
        ("redis-cluster://host?conections=1", "connections"),
        ("redis-cluster://host?index_lifetime=5", "400d"),
        // There is no such thing here: the guide says what to do instead.
        ("redis-cluster://host?wait_replicas=1", "`wait_replicas`"),
        ("redis-cluster://:hush@host?prefix=a%25b", "prefix"),
        ("rediss-cluster://host?tls_ca=/no/such/file", "/no/such/file"),
    ] {
        let (kind, text) = refused(url).await;
        assert_eq!(kind, ErrorKind::Misconfigured, "{url}: {text}");
        assert!(text.contains(says) && !text.contains("hush"), "{url}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_or_in_no_cluster_is_told_at_once() {
    let (kind, text) = refused("redis-cluster://127.0.0.1:1").await;
    assert_eq!(kind, ErrorKind::Unavailable, "{text}");
    let alone = Redis::start();
    let (_, text) = refused(&format!("redis-cluster://{}", alone.server().address())).await;
    assert!(text.contains("cluster support disabled"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_used_and_never_shown() {
    let cluster = redis_cluster::RedisClusterLaunch::new(3).password("hush").start();
    let store = RedisClusterOptions::default()
        .operation_timeout(Duration::from_secs(5))
        .connect(&cluster.url())
        .await
        .unwrap();
    for n in 0..10 {
        applied(
            write(&store, n, Expect::Absent, record_of("alice", "a"))
                .await
                .unwrap(),
        );
        assert!(load(&store, n).await.unwrap().is_some());
    }
    assert!(!format!("{store:?}").contains("hush"), "{store:?}");
    let wrong = cluster.url().replace("hush", "secret");
    let (kind, text) = refused(&wrong).await;
    assert_eq!(kind, ErrorKind::Misconfigured, "{text}");
    assert!(
        text.contains("correct the user and the password") && !text.contains("secret"),
        "{text}"
    );
    cloakroom_testbed::note(
        "wrong password",
        "Redis Cluster",
        &format!("at connecting: \"{text}\""),
    );
    let (kind, text) = refused(&cluster.url().replace(":hush@", "")).await;
    assert_eq!(kind, ErrorKind::Misconfigured, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_node_evicts_or_does_not_say_the_card_withdraws() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let node = &cluster.nodes()[1];
    for [command, change, back] in [
        [
            &["CONFIG", "SET", "maxmemory-policy"][..],
            &["allkeys-lru"],
            &["noeviction"],
        ],
        [&["ACL", "SETUSER", "default"], &["-info"], &["+info"]],
    ] {
        node.command(&[command, change].concat());
        let card = async || {
            RedisCluster::connect(&cluster.url())
                .await
                .unwrap()
                .capabilities()
        };
        let changed = card().await;
        assert!(
            changed.may_evict && !changed.lists && !changed.revokes_by_principal,
            "{changed:?}"
        );
        node.command(&[command, back].concat());
        assert!(!card().await.may_evict);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_evicts_takes_no_slots_of_those_that_do_not() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let node = &cluster.nodes()[1];
    node.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    node.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    let (mut found, mut refused) = (0, 0);
    for n in 0..12 {
        match load(&store, n).await {
            Ok(_) => found += 1,
            Err(error) if error.to_string().contains("`maxmemory-policy` is noeviction") => refused += 1,
            // The first call may be the one that learns that the connection is gone.
            Err(error) => assert_eq!(refused, 0, "{error}"),
        }
    }
    assert!(found > 0 && refused > 0, "{found} found, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_margin_what_has_always_been_over_is_written_and_gone() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let options = RedisClusterOptions::default().ttl_margin(Duration::ZERO);
    let store = options.connect(&cluster.url()).await.unwrap();
    let begun = Timestamp::default();
    applied(
        write(&store, 1, Expect::Absent, Record::new(begun, begun, *b"a"))
            .await
            .unwrap(),
    );
    assert_eq!(load(&store, 1).await.unwrap(), None);
}
