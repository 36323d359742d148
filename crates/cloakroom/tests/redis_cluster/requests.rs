//! How many requests a verb is, by the servers' own count.

use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom::stores::RedisCluster;
use cloakroom_store::{Cap, Expect, Store, Touch, Write};
use cloakroom_testbed::redis::Redis;
use cloakroom_testbed::redis_cluster;

use crate::fixture::{applied, delete, id, load, namespace, record, record_of, write};

/// How many reads and scripts all nodes together were sent since this was called last.
fn requests(cluster: &redis_cluster::RedisCluster) -> u64 {
    let sent = |node: &Redis| {
        let calls = node.calls();
        node.command(&["CONFIG", "RESETSTAT"]);
        let counted = calls
            .iter()
            .filter(|(command, _)| ["get", "evalsha"].contains(&command.as_str()));
        counted.map(|(_, calls)| calls).sum::<u64>()
    };
    cluster.nodes().iter().map(sent).sum()
}

/// Sees to it that every node knows the scripts.
async fn teach(store: &RedisCluster) {
    for n in 0..60 {
        let revision = applied(
            write(store, n, Expect::Absent, record_of("teacher", "a"))
                .await
                .unwrap(),
        );
        let now = record("").last_seen;
        store
            .touch(Touch::new(namespace(), id(n), revision, now, now))
            .await
            .unwrap();
        delete(store, n).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verb_of_a_request_asks_one_node_once_but_a_sign_in() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    teach(&store).await;
    requests(&cluster);
    let revision = applied(write(&store, 100, Expect::Absent, record("a")).await.unwrap());
    assert_eq!(requests(&cluster), 1, "a session of nobody");
    load(&store, 100).await.unwrap();
    assert_eq!(requests(&cluster), 1, "a load");
    let mut signed_in = record_of("bob", "b");
    let revision = applied(
        write(&store, 100, Expect::Revision(revision), signed_in.clone())
            .await
            .unwrap(),
    );
    assert_eq!(requests(&cluster), 2, "a sign-in");
    signed_in.last_seen = signed_in.created.saturating_add(Duration::from_secs(1));
    let revision = applied(
        write(&store, 100, Expect::Revision(revision), signed_in.clone())
            .await
            .unwrap(),
    );
    assert_eq!(requests(&cluster), 1, "a write of a session that stays theirs");
    let touch = Touch::new(
        namespace(),
        id(100),
        revision,
        signed_in.expires,
        signed_in.expires,
    );
    store.touch(touch).await.unwrap();
    assert_eq!(requests(&cluster), 1, "a touch");
    delete(&store, 100).await.unwrap();
    assert_eq!(requests(&cluster), 1, "an ending");
}

// One worker that runs all tasks, as it would run a node's driver after each of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_goes_to_one_node_at_the_same_time_leaves_together() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    for n in 0..64 {
        applied(write(&store, n, Expect::Absent, record("a")).await.unwrap());
    }
    let reads = || cluster.nodes().iter().map(reads).sum::<u64>();
    requests(&cluster);
    let before = reads();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..50 {
                load(&store, n).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let (reads, commands) = (reads() - before, requests(&cluster));
    println!("{commands} commands of 64 tasks came to three nodes in {reads} reads");
    assert!(commands >= 3200 && reads * 4 < commands, "{commands} in {reads}");
}

/// How often a node has read from a connection.
fn reads(node: &Redis) -> u64 {
    let statistics = node.command(&["INFO", "stats"]);
    let found = statistics
        .lines()
        .find_map(|line| line.strip_prefix("total_reads_processed:"));
    found.unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_under_a_cap_looks_whose_sessions_live_only_when_it_must() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let two = NonZeroU32::new(2).unwrap();
    for cap in [Cap::Refuse(two), Cap::EndOldest(two)] {
        // Whatever is slow because it is the first of its kind: twenty principals teach the nodes.
        let mut counts = Vec::new();
        for who in 0..20 {
            let who = format!("{cap:?} {who}");
            let sign_in = async |n: u64| {
                let request = Write::new(namespace(), id(n), Expect::Absent, record_of(&who, "c"));
                let now = request.now;
                applied(store.write(request.with_cap(cap, now)).await.unwrap());
            };
            requests(&cluster);
            sign_in(1).await;
            let has_room = requests(&cluster);
            sign_in(2).await;
            delete(&store, 2).await.unwrap();
            requests(&cluster);
            // Two are filed, of which one is gone.
            sign_in(3).await;
            counts.push((has_room, requests(&cluster)));
            for n in [1, 3] {
                delete(&store, n).await.unwrap();
            }
        }
        // The reads of sessions are not counted here: scripts read as well.
        assert_eq!(counts.last(), Some(&(4, 6)), "{cap:?}: {counts:?}");
    }
}
