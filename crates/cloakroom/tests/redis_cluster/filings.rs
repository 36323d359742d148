//! What sign-ins leave behind that were refused, came too late, or whose process died: nobody is misled by it.

use std::time::Instant;

use cloakroom::stores::RedisCluster;
use cloakroom_store::{Expect, Id, Load, Query, Record, Store, Timestamp, Write, Written};
use cloakroom_testbed::redis_cluster;

use crate::fixture::{BOUND, applied, id, listed, namespace, principal, record, record_of, write};

const FILINGS: &str = "cloakroom%test%f%alice";

/// An id, and a time, that are text: a test speaks text to the servers.
const TEXT: [u8; Id::LEN] = *b"an id of letters";
const LONG_AGO: &str = "\0\0\0\0\0\0\0a";

/// The node that has a key.
fn owner(cluster: &redis_cluster::RedisCluster, key: &str) -> usize {
    let slot = cluster.nodes()[0].command(&["CLUSTER", "KEYSLOT", key]);
    cluster.owner(slot.parse().unwrap())
}

/// Sends a command on a key to the node that has it.
fn on_its_node(cluster: &redis_cluster::RedisCluster, key: &str, command: &[&str]) -> String {
    cluster.nodes()[owner(cluster, key)].command(command)
}

fn filed(cluster: &redis_cluster::RedisCluster) -> String {
    on_its_node(cluster, FILINGS, &["ZCARD", FILINGS])
}

/// Files the session whose id is text, long ago.
fn file(cluster: &redis_cluster::RedisCluster, state: &str) {
    let id = std::str::from_utf8(&TEXT).unwrap();
    let filing = format!("{id}{LONG_AGO}{LONG_AGO}{state}");
    on_its_node(cluster, FILINGS, &["ZADD", FILINGS, "0", &filing]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_was_refused_is_not_listed() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    applied(write(&store, 1, Expect::Absent, record("a")).await.unwrap());
    let refused = write(&store, 1, Expect::Absent, record_of("alice", "b"))
        .await
        .unwrap();
    assert_eq!(refused, Written::Refused);
    let hers = Query::default().principal(principal("alice"));
    assert_eq!(listed(&store, hers, 10).await, []);
    assert_eq!(filed(&cluster), "1", "it may be one that is under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_filed_long_ago_and_is_nowhere_leaves_the_filings() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    applied(
        write(&store, 1, Expect::Absent, record_of("alice", "a"))
            .await
            .unwrap(),
    );
    for state in ["f", "r", "m", "e"] {
        file(&cluster, state);
        assert_eq!(filed(&cluster), "2");
        let hers = Query::default().principal(principal("alice"));
        assert_eq!(listed(&store, hers, 10).await, [id(1)]);
        assert_eq!(filed(&cluster), "1", "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_place_was_taken_is_ended_by_whoever_comes_upon_it() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let session = Id::from_bytes(TEXT);
    let load = || store.load(Load::new(namespace(), session));
    let alices = Record::new(Timestamp::from_unix_millis(97), record("").expires, *b"a");
    let alices = alices.with_principal(Some(principal("alice")));
    applied(
        store
            .write(Write::new(namespace(), session, Expect::Absent, alices))
            .await
            .unwrap(),
    );
    // As a process leaves it that took the place and died before it ended the session.
    on_its_node(&cluster, FILINGS, &["DEL", FILINGS]);
    file(&cluster, "e");
    assert!(load().await.unwrap().is_some());
    let hers = Query::default().principal(principal("alice"));
    assert_eq!(listed(&store, hers, 10).await, []);
    assert_eq!(load().await.unwrap(), None);
    assert_eq!(filed(&cluster), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_comes_long_after_it_was_filed_is_refused() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let script = concat!(
        include_str!("../../src/stores/redis/lua/record.lua"),
        include_str!("../../src/stores/redis/cluster/lua/write.lua")
    );
    let key = crate::fixture::key(1);
    let write = |not_after: &str| {
        let command = ["EVAL", script, "1", &key, "", "a record", "", "alice", not_after];
        on_its_node(&cluster, &key, &command)
    };
    assert_eq!(write(""), "2", "it was not filed");
    assert_eq!(write("1000"), "3", "that was too long ago");
    assert_eq!(on_its_node(&cluster, &key, &["EXISTS", &key]), "0");
    assert_eq!(write("99999999999999"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn filings_of_ended_sessions_do_not_pile_up() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    // A principal who signs in and out, and never lists. What they have filed is made to look old.
    for n in 0..200 {
        on_its_node(
            &cluster,
            FILINGS,
            &["ZADD", FILINGS, "0", &format!("{n:016}{LONG_AGO}{LONG_AGO}f")],
        );
    }
    for n in 0..200 {
        applied(
            write(&store, n, Expect::Absent, record_of("alice", "a"))
                .await
                .unwrap(),
        );
    }
    let left: u64 = filed(&cluster).parse().unwrap();
    assert!(left < 200 + 20, "{left} are filed of which 200 live");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_does_not_wait_for_nodes_that_have_other_sessions() {
    let cluster = redis_cluster::RedisCluster::start(3);
    for node in cluster.nodes() {
        node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    // Much to tidy, a third of it on the node that will not answer.
    for n in 0..100 {
        let filing = format!("{n:016}{LONG_AGO}{LONG_AGO}f");
        on_its_node(&cluster, FILINGS, &["ZADD", FILINGS, "0", &filing]);
    }
    let away = (owner(&cluster, FILINGS) + 1) % 3;
    let elsewhere = |n: &u64| owner(&cluster, &crate::fixture::key(*n)) != away;
    let sessions: Vec<u64> = (0..100).filter(elsewhere).take(10).collect();
    cluster.nodes()[away].server().pause();
    for n in sessions {
        let begun = Instant::now();
        let written = write(&store, n, Expect::Absent, record_of("alice", "a")).await;
        applied(written.unwrap());
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    }
    cluster.nodes()[away].server().resume();
}
