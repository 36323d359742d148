//! How many requests a verb is, by the servers' own count.

use std::num::NonZeroU32;

use cloakroom::stores::RedisCluster;
use cloakroom_store::{Cap, Expect, Store, Touch, Write};
use cloakroom_testbed::redis_cluster;

use crate::fixture::{applied, delete, id, load, namespace, record, record_of, write};

/// What was sent to all nodes together since this was called last: commands, without what scripts call.
fn sent(cluster: &redis_cluster::RedisCluster) -> u64 {
    let mut sent = 0;
    for node in cluster.nodes() {
        for (command, calls) in node.calls() {
            if ["get", "evalsha", "eval", "zrem", "getrange"].contains(&command.as_str()) {
                sent += calls;
            }
        }
        // Scripts read with GETRANGE and are counted like everybody.
        node.command(&["CONFIG", "RESETSTAT"]);
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verb_of_a_request_asks_one_node_once_but_a_sign_in() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let count = |_: ()| {
        let scripts = |node: &cloakroom_testbed::redis::Redis| {
            let calls = node.calls();
            let of = |name: &str| {
                calls
                    .iter()
                    .find(|(command, _)| command == name)
                    .map_or(0, |(_, n)| *n)
            };
            of("get") + of("evalsha")
        };
        let count: u64 = cluster.nodes().iter().map(scripts).sum();
        sent(&cluster);
        count
    };
    // The first of each kind teaches the nodes their scripts.
    for n in 0..60 {
        let revision = applied(
            write(&store, n, Expect::Absent, record_of("alice", "a"))
                .await
                .unwrap(),
        );
        let touch = Touch::new(
            namespace(),
            id(n),
            revision,
            record("").last_seen,
            record("").expires,
        );
        store.touch(touch).await.unwrap();
        delete(&store, n).await.unwrap();
    }
    count(());
    let revision = applied(write(&store, 100, Expect::Absent, record("a")).await.unwrap());
    assert_eq!(count(()), 1, "a session of nobody");
    load(&store, 100).await.unwrap();
    assert_eq!(count(()), 1, "a load");
    let mut signed_in = record_of("bob", "b");
    let revision = applied(
        write(&store, 100, Expect::Revision(revision), signed_in.clone())
            .await
            .unwrap(),
    );
    assert_eq!(count(()), 2, "a sign-in");
    signed_in.last_seen = signed_in
        .created
        .saturating_add(std::time::Duration::from_secs(1));
    let revision = applied(
        write(&store, 100, Expect::Revision(revision), signed_in.clone())
            .await
            .unwrap(),
    );
    assert_eq!(count(()), 1, "a write of a session that stays theirs");
    let touch = Touch::new(
        namespace(),
        id(100),
        revision,
        signed_in.expires,
        signed_in.expires,
    );
    store.touch(touch).await.unwrap();
    assert_eq!(count(()), 1, "a touch");
    delete(&store, 100).await.unwrap();
    assert_eq!(count(()), 1, "an ending");

    let capped = async |n: u64, cap| {
        let request = Write::new(namespace(), id(n), Expect::Absent, record_of("carol", "c"));
        let now = request.now;
        applied(store.write(request.with_cap(cap, now)).await.unwrap());
    };
    let two = NonZeroU32::new(2).unwrap();
    capped(200, Cap::Refuse(two)).await;
    capped(201, Cap::EndOldest(two)).await;
    count(());
    delete(&store, 201).await.unwrap();
    count(());
    capped(200 + 64, Cap::EndOldest(two)).await;
    println!(
        "a sign-in under a cap that has to look whose sessions live: {} scripts",
        count(())
    );
}
