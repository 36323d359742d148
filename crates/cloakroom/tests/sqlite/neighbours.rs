//! Other processes at the same file: they take turns, none waits for ever, and none loses an update.

use std::path::Path;
use std::time::{Duration, Instant};

use cloakroom::stores::Sqlite;
use cloakroom::stores::sqlite::SqliteOptions;
use cloakroom_store::{ErrorKind, Expect, Query, Store, Sweep, Touch, Written};

use crate::child;
use crate::fixture::{
    applied, create, id, listed, load, moment, namespace, neighbour, patient, place, record, write,
};

const WAIT: Duration = Duration::from_millis(200);
const OPERATION: Duration = Duration::from_millis(300);

/// What a busy machine adds.
const SLACK: Duration = Duration::from_millis(500);

fn impatient() -> SqliteOptions {
    SqliteOptions::default()
        .wait_timeout(WAIT)
        .operation_timeout(OPERATION)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_for_long_is_an_outage_for_writes_alone() {
    let (_directory, file) = place();
    let store = impatient().open(&file).await.unwrap();
    let revision = create(&store, id(1), record("kept")).await;
    let other = neighbour(&file);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Several at a time, also more than one group: each within its bound.
    let mut refused = tokio::task::JoinSet::new();
    for n in 2..300 {
        let store = store.clone();
        refused.spawn(async move {
            let begun = Instant::now();
            let error = write(&store, id(n), Expect::Absent, record("late"))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(
                begun.elapsed() < WAIT + OPERATION + SLACK,
                "{:?}",
                begun.elapsed()
            );
            error.to_string()
        });
    }
    // Reads wait for nobody meanwhile.
    while let Ok(None) = tokio::time::timeout(Duration::from_millis(1), refused.join_next()).await {
        let begun = Instant::now();
        assert!(load(&store, id(1)).await.unwrap().is_some());
        assert!(begun.elapsed() < WAIT / 2);
    }
    let texts = refused.join_all().await;
    assert!(
        texts.iter().any(|text| text.contains("another process")),
        "{texts:?}"
    );
    let touch = Touch::new(namespace(), id(1), revision, moment(100), moment(7200));
    let sweep = Sweep::new(namespace(), moment(0), std::num::NonZeroUsize::MIN);
    for error in [
        store.ping().await.unwrap_err(),
        store.touch(touch).await.unwrap_err(),
        store.sweep(sweep).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    other.execute_batch("COMMIT").unwrap();
    store.ping().await.unwrap();
    // What was answered with an error has not happened, and does not happen later.
    assert_eq!(listed(&store, Query::default()).await, [id(1)]);
    let again = write(&store, id(1), Expect::Revision(revision), record("on")).await;
    applied(again.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_any_more_does_not_happen_later() {
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    let other = neighbour(&file);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..3 {
        let late = write(&store, id(n), Expect::Absent, record("late"));
        assert!(
            tokio::time::timeout(Duration::from_millis(20), late)
                .await
                .is_err()
        );
    }
    other.execute_batch("COMMIT").unwrap();
    store.ping().await.unwrap();
    assert_eq!(listed(&store, Query::default()).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_has_for_himself_is_an_outage_for_reads_as_well() {
    let (_directory, file) = place();
    let store = impatient().open(&file).await.unwrap();
    create(&store, id(1), record("kept")).await;
    store.close().await.unwrap();
    let other = neighbour(&file);
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT")
        .unwrap();
    let begun = Instant::now();
    let error = impatient().open(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(begun.elapsed() < WAIT + SLACK, "{:?}", begun.elapsed());
    drop(other);
    let store = impatient().open(&file).await.unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stays_does_not_stop_writes_and_the_log_shrinks_after_it() {
    let (directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    let mut revision = create(&store, id(1), record(vec![1; 500_000])).await;
    let other = neighbour(&file);
    other
        .execute_batch("BEGIN; SELECT count(*) FROM cloakroom_sessions")
        .unwrap();
    let log = || {
        std::fs::metadata(directory.path().join("sessions.db-wal"))
            .unwrap()
            .len()
    };
    while log() < 100_000_000 {
        let rewritten = record(revision.value().to_be_bytes().repeat(100_000));
        revision = applied(
            write(&store, id(1), Expect::Revision(revision), rewritten)
                .await
                .unwrap(),
        );
    }
    other.execute_batch("COMMIT").unwrap();
    for _ in 0..100 {
        let rewritten = record(revision.value().to_be_bytes().repeat(100_000));
        revision = applied(
            write(&store, id(1), Expect::Revision(revision), rewritten)
                .await
                .unwrap(),
        );
    }
    assert!(log() <= 64 << 20, "{} bytes", log());
}

/// Two processes and two stores in each, under one counter: none starves, and no update is lost.
#[tokio::test(flavor = "multi_thread")]
async fn processes_take_turns_and_lose_no_update() {
    const EACH: u64 = 200;
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    create(&store, id(0), record(0_u64.to_be_bytes())).await;
    let others: Vec<_> = (0..2)
        .map(|_| {
            child::command(&format!("increment {EACH}"), &file)
                .spawn()
                .unwrap()
        })
        .collect();
    increment(&file, EACH).await;
    for mut other in others {
        assert!(other.wait().unwrap().success());
    }
    let found = load(&store, id(0)).await.unwrap().unwrap();
    assert_eq!(*found.record.body, (3 * EACH).to_be_bytes());
}

/// Adds one to the counter so many times, in four tasks over two stores.
pub(crate) async fn increment(file: &Path, times: u64) {
    let stores = [
        patient().open(file).await.unwrap(),
        patient().open(file).await.unwrap(),
    ];
    let mut adding = tokio::task::JoinSet::new();
    for n in 0..4 {
        let store = stores[n % 2].clone();
        adding.spawn(async move {
            for _ in 0..times / 4 {
                while !add_one(&store).await {}
            }
        });
    }
    adding.join_all().await;
}

async fn add_one(store: &Sqlite) -> bool {
    let found = load(store, id(0)).await.unwrap().unwrap();
    let value = u64::from_be_bytes(*found.record.body.first_chunk().unwrap());
    let record = record((value + 1).to_be_bytes());
    let written = write(store, id(0), Expect::Revision(found.revision), record)
        .await
        .unwrap();
    written != Written::Refused
}
