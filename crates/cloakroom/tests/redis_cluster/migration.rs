//! A slot that moves, under load and under a listing: nothing is lost, nothing is missed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cloakroom::stores::RedisCluster;
use cloakroom_store::{Expect, Id, List, Query, Store, Written};
use cloakroom_testbed::{redis_cluster, wait_until};
use tokio::task::JoinSet;

use crate::fixture::{applied, delete, id, key, listed, load, namespace, record, record_of, write};

/// The slot of a session's key, as a server says.
fn slot(cluster: &redis_cluster::RedisCluster, n: u64) -> u16 {
    let slot = cluster.nodes()[0].command(&["CLUSTER", "KEYSLOT", &key(n)]);
    slot.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_notice_nothing_of_a_slot_that_moves() {
    let cluster = Arc::new(redis_cluster::RedisCluster::start(3));
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let counters: Vec<u64> = (0..8).collect();
    for n in &counters {
        applied(write(&store, *n, Expect::Absent, record("0")).await.unwrap());
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicU64::new(1000));
    let mut working = JoinSet::new();
    for n in counters {
        let (store, is_over, begun) = (store.clone(), Arc::clone(&is_over), Arc::clone(&begun));
        working.spawn(async move {
            let mut count = 0_u64;
            while !is_over.load(Ordering::SeqCst) {
                // One more, at the revision that is there: and a session that begins and ends.
                let seen = load(&store, n).await.unwrap().expect("the counter is there");
                let text = (count + 1).to_string();
                assert_eq!(
                    &*seen.record.body,
                    count.to_string().as_bytes(),
                    "no update is lost"
                );
                let written = write(&store, n, Expect::Revision(seen.revision), record(&text)).await;
                applied(written.unwrap());
                count += 1;
                let other = begun.fetch_add(1, Ordering::SeqCst);
                applied(
                    write(&store, other, Expect::Absent, record_of("alice", "a"))
                        .await
                        .unwrap(),
                );
                assert_eq!(
                    load(&store, other).await.unwrap().unwrap().record.principal,
                    record_of("alice", "").principal
                );
                delete(&store, other).await.unwrap();
                assert_eq!(load(&store, other).await.unwrap(), None);
            }
            (n, count)
        });
    }
    let moving = Arc::clone(&cluster);
    let moves = tokio::task::spawn_blocking(move || {
        let mut moves = 0;
        for _ in 0..2 {
            for n in 0..8 {
                let slot = slot(&moving, n);
                let from = moving.owner(slot);
                moving.migrate(slot, from, (from + 1) % 3);
                moves += 1;
            }
        }
        moves
    });
    let moves = moves.await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    let counts = working.join_all().await;
    let updates: u64 = counts.iter().map(|(_, count)| count).sum();
    cloakroom_testbed::note(
        "slots of a cluster move under load",
        "Redis Cluster",
        &format!("{moves} slots moved, {updates} updates made meanwhile, none failed, none lost"),
    );
    for (n, count) in counts {
        let body = load(&store, n).await.unwrap().unwrap().record.body;
        assert!(
            count > 0 && *body == *count.to_string().as_bytes(),
            "{n}: {count}, {body:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_a_slot_that_is_moving_is_found_written_and_ended() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let slot = slot(&cluster, 1);
    let (from, to) = (cluster.owner(slot), (cluster.owner(slot) + 1) % 3);
    let revision = applied(write(&store, 1, Expect::Absent, record("a")).await.unwrap());
    let (source, target) = (&cluster.nodes()[from], &cluster.nodes()[to]);
    let slot_text = slot.to_string();
    target.command(&["CLUSTER", "SETSLOT", &slot_text, "IMPORTING", &cluster.id(from)]);
    source.command(&["CLUSTER", "SETSLOT", &slot_text, "MIGRATING", &cluster.id(to)]);
    // Here, and not moved yet.
    let revision = applied(
        write(&store, 1, Expect::Revision(revision), record("b"))
            .await
            .unwrap(),
    );
    // Moved, and the slot still belongs to the other.
    let port = target.server().port().to_string();
    source.command(&["MIGRATE", "127.0.0.1", &port, &key(1), "0", "5000"]);
    assert_eq!(&*load(&store, 1).await.unwrap().unwrap().record.body, b"b");
    assert_eq!(
        write(&store, 1, Expect::Absent, record("c")).await.unwrap(),
        Written::Refused
    );
    // Scripts that the target has never heard of.
    target.command(&["SCRIPT", "FLUSH"]);
    applied(
        write(&store, 1, Expect::Revision(revision), record("c"))
            .await
            .unwrap(),
    );
    assert_eq!(listed(&store, Query::default(), 10).await, [id(1)]);
    delete(&store, 1).await.unwrap();
    assert_eq!(load(&store, 1).await.unwrap(), None);
    // A new one in the slot begins where it is moving to.
    applied(write(&store, 1, Expect::Absent, record("d")).await.unwrap());
    assert_eq!(target.command(&["DBSIZE"]), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_nobody_knew_is_connected_to_once_and_not_for_every_call() {
    let cluster = redis_cluster::RedisCluster::start(3);
    without_slots(&cluster);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let slot = slot(&cluster, 1);
    let (giver, target) = (&cluster.nodes()[cluster.owner(slot)], &cluster.nodes()[2]);
    let (from, to) = (cluster.id(cluster.owner(slot)), cluster.id(2));
    target.command(&["CLUSTER", "SETSLOT", &slot.to_string(), "IMPORTING", &from]);
    giver.command(&["CLUSTER", "SETSLOT", &slot.to_string(), "MIGRATING", &to]);
    let connections = || {
        let statistics = target.command(&["INFO", "stats"]);
        let mut lines = statistics.lines();
        let received = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
        received.unwrap().trim().parse::<u64>().unwrap()
    };
    let before = connections();
    for _ in 0..100 {
        assert_eq!(load(&store, 1).await.unwrap(), None);
    }
    applied(write(&store, 1, Expect::Absent, record("a")).await.unwrap());
    assert_eq!(target.command(&["DBSIZE"]), "1");
    let made = connections() - before;
    assert!(made < 20, "{made} connections for 101 calls");
}

/// Takes the last node's slots away before it has any keys, and gives them to the first.
fn without_slots(cluster: &redis_cluster::RedisCluster) {
    let [first, second, last] = cluster.nodes() else {
        panic!("there are three");
    };
    let slots = ["10922", "16383"];
    for node in [last, second, first] {
        node.command(&[&["CLUSTER", "DELSLOTSRANGE"], &slots[..]].concat());
    }
    first.command(&[&["CLUSTER", "ADDSLOTSRANGE"], &slots[..]].concat());
    wait_until("the first node to have the slots", || {
        let views = cluster
            .nodes()
            .iter()
            .map(|node| node.command(&["CLUSTER", "NODES"]));
        views.into_iter().all(|view| {
            view.lines()
                .any(|line| line.ends_with(" 10922-16383") && line.contains(" 0-"))
        })
    });
    cluster.is_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lives_through_a_listing_is_listed_though_its_slot_moves() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let all: BTreeSet<Id> = (0..300).map(id).collect();
    for n in 0..300 {
        applied(write(&store, n, Expect::Absent, record("a")).await.unwrap());
    }
    // Between any two pages the slot of one session moves, to where the listing has been or where it has not.
    let mut list = List::new(namespace(), Query::default(), 10.try_into().unwrap());
    let mut seen = BTreeSet::new();
    let mut pages = 0_u64;
    loop {
        let page = store.list(list.clone()).await.unwrap();
        seen.extend(page.entries.into_iter().map(|entry| entry.id));
        pages += 1;
        if page.next.is_none() {
            break;
        }
        list = list.after(page.next);
        if pages < 40 {
            let slot = slot(&cluster, pages * 7);
            let from = cluster.owner(slot);
            let to = (from + 1 + pages as usize % 2) % 3;
            cluster.migrate(slot, from, to);
        }
    }
    println!("{pages} pages");
    let missed: Vec<_> = all.difference(&seen).collect();
    assert!(missed.is_empty(), "{missed:?}");
    let everyone = cloakroom_store::Scope::Everyone {
        begun_before: record("").expires,
    };
    let revoke = cloakroom_store::Revoke::new(namespace(), everyone);
    assert_eq!(store.revoke(revoke).await.unwrap().ended, 300);
}
