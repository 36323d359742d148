//! How many statements each verb is, as the server itself counts them, and how many round trips, as they are heard on the way.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};

use cloakroom::stores::Postgres;
use cloakroom_store::{
    AddOne, Cap, Count, Counted, Counter, Counters as _, Delete, Expect, List, Mark, Marks as _, Owner,
    Principal, Query, Revoke, Scope, SetMark, Store as _, Subject, Sweep, TakeBack, Timestamp, Touch, Write,
};
use cloakroom_testbed::postgres::Postgres as Server;
use cloakroom_testbed::{Protocol, Tap};
use tokio::task::JoinSet;

use crate::fixture::{PATIENT, client, create, id, load, namespace, patient, record, record_of, with, write};

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_is_one_statement_and_one_round_trip() {
    let server = Server::start();
    let tap = Tap::before(server.address());
    let url = with(&server, PATIENT).replace(&server.address().to_string(), &tap.address().to_string());
    let store = Postgres::connect(&url).await.unwrap();
    let watching = client(&server).await;
    watching
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .unwrap();
    // Connections of their own are opened and set up before they are counted.
    store
        .count(Count::new(namespace(), Query::default()))
        .await
        .unwrap();
    store
        .sweep(Sweep::new(namespace(), Timestamp::default(), NonZeroUsize::MIN))
        .await
        .unwrap();
    let counter = Counter::new(
        namespace(),
        Counted::from_bytes([7; Counted::LEN]),
        Timestamp::MAX,
    );
    let mark = Mark::new(Subject::Everyone, Timestamp::default(), Timestamp::MAX);
    store.add(AddOne::new(counter.clone())).await.unwrap();
    store.mark(SetMark::new(namespace(), mark.clone())).await.unwrap();
    let revision = create(&store, id(1), record(b"one")).await;
    let alice = Principal::new("alice").unwrap();

    let mut seen = BTreeMap::new();
    let mut counts = async |verb: &'static str| {
        let calls: i64 = watching
            .query_one_scalar(
                "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements \
                 WHERE toplevel AND query NOT LIKE '%pg_stat_statements%'",
                &[],
            )
            .await
            .unwrap();
        watching
            .execute("SELECT pg_stat_statements_reset()", &[])
            .await
            .unwrap();
        let sent = tap.take(Protocol::Postgres);
        let round_trips = sent
            .iter()
            .filter(|name| ["sync", "query"].contains(&name.as_str()));
        seen.insert(verb, (calls, round_trips.count()));
    };
    counts("begin").await;
    load(&store, id(1)).await.unwrap();
    counts("load").await;
    create(&store, id(2), record(b"two")).await;
    counts("create").await;
    write(
        &store,
        id(1),
        Expect::Revision(revision),
        record_of("alice", b"one"),
    )
    .await
    .unwrap();
    counts("replace").await;
    let capped = Write::new(namespace(), id(3), Expect::Absent, record_of("alice", b"three"));
    let cap = Cap::EndOldest(NonZeroU32::MIN);
    store
        .write(capped.with_cap(cap, Timestamp::from_unix_millis(1000)))
        .await
        .unwrap();
    counts("write with a cap").await;
    let moment = Timestamp::from_unix_millis(2000);
    store
        .touch(Touch::new(namespace(), id(2), revision, moment, moment))
        .await
        .unwrap();
    counts("touch").await;
    store
        .delete(Delete::new(namespace(), id(2), Owner::Any))
        .await
        .unwrap();
    counts("delete").await;
    let scope = Scope::Principal {
        principal: alice,
        keep: None,
    };
    store.revoke(Revoke::new(namespace(), scope)).await.unwrap();
    counts("revoke").await;
    store.ping().await.unwrap();
    counts("ping").await;
    store
        .count(Count::new(namespace(), Query::default()))
        .await
        .unwrap();
    counts("count").await;
    let page = List::new(namespace(), Query::default(), NonZeroUsize::MIN);
    store.list(page).await.unwrap();
    counts("page").await;
    store
        .sweep(Sweep::new(namespace(), moment, NonZeroUsize::MIN))
        .await
        .unwrap();
    counts("sweep").await;
    let everyone = Scope::Everyone {
        begun_before: Timestamp::MAX,
    };
    store.revoke(Revoke::new(namespace(), everyone)).await.unwrap();
    counts("revoke everyone").await;
    store.add(AddOne::new(counter.clone())).await.unwrap();
    counts("count an attempt").await;
    store.take_back(TakeBack::new(counter)).await.unwrap();
    counts("take back an attempt").await;
    store.mark(SetMark::new(namespace(), mark)).await.unwrap();
    counts("set a mark").await;
    seen.remove("begin");
    assert_eq!(seen.len(), 15);
    assert!(seen.values().all(|counted| *counted == (1, 1)), "{seen:?}");
}

// One worker that runs all tasks, as it would run a connection after each of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_statements_of_concurrent_tasks_leave_together() {
    const TASKS: u64 = 64;
    const EACH: usize = 20;
    let server = Server::start();
    let tap = Tap::before(server.address());
    let url = with(&server, PATIENT).replace(&server.address().to_string(), &tap.address().to_string());
    let store = Postgres::connect(&url).await.unwrap();
    create(&store, id(1), record(b"read by all")).await;
    tap.take(Protocol::Postgres);
    let before = tap.pieces();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..EACH {
                assert!(load(&store, id(1)).await.unwrap().is_some());
            }
        });
    }
    tasks.join_all().await;
    let sent = tap.take(Protocol::Postgres);
    let statements = sent.iter().filter(|name| name.as_str() == "sync").count();
    let pieces = tap.pieces() - before;
    println!("{statements} statements of {TASKS} tasks came in {pieces} pieces on four connections");
    assert!(
        statements >= 1280 && pieces * 4 < statements,
        "{statements} in {pieces}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_does_not_write_the_data() {
    let server = Server::start();
    let store = patient(&server).await;
    let revision = create(&store, id(1), record(&[7; 100_000])).await;
    let watching = client(&server).await;
    let written = async || -> i64 {
        let position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        watching.query_one_scalar(position, &[]).await.unwrap()
    };
    // What is changed first after a checkpoint is written whole: not what is to be seen here.
    let touch = async |seconds: u64| {
        let moment = Timestamp::from_unix_millis(seconds * 1_000_000);
        store
            .touch(Touch::new(namespace(), id(1), revision, moment, moment))
            .await
            .unwrap();
    };
    touch(2).await;
    let before = written().await;
    for seconds in 3..13 {
        touch(seconds).await;
    }
    let bytes = written().await - before;
    println!("ten touches of a session of 100,000 bytes: {bytes} bytes of write-ahead log");
    assert!(bytes < 50_000, "ten touches wrote {bytes} bytes");
}
