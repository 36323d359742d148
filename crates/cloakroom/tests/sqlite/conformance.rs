//! The SQLite store keeps the contract, by itself and beside others, and what it keeps outlives it.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cloakroom::stores::Sqlite;
use cloakroom::stores::sqlite::{SqliteOptions, Synchronous};
use cloakroom_store::AnyStore;
use cloakroom_store::conformance::{self, Restarts};

use crate::child;
use crate::fixture::{patient, place};

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_keeps_marks() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sessions.db");
    conformance::run_marks(Sqlite::open(file).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_counts() {
    let (_directory, file) = place();
    conformance::run_counters(patient().open(file).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_conforms() {
    let (_directory, file) = place();
    conformance::run(patient().open(file).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_when_it_syncs_later_and_is_opened_again() {
    let (_directory, file) = place();
    for _ in 0..2 {
        let options = SqliteOptions::default()
            .synchronous(Synchronous::Normal)
            .cache(1 << 20);
        let store = options.open(&file).await.unwrap();
        conformance::run(store.clone()).await;
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_file_serve_all_rules_at_once() {
    let (_directory, file) = place();
    let stores = [
        AnyStore::new(patient().open(&file).await.unwrap()),
        AnyStore::new(patient().open(&file).await.unwrap()),
    ];
    let mut checking = tokio::task::JoinSet::new();
    for rule in conformance::rules() {
        for store in stores.clone() {
            let rule = rule.clone();
            checking.spawn(async move { rule.check(store).await });
        }
    }
    for checked in checking.join_all().await {
        assert_eq!(checked, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_in_two_processes_at_once() {
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    let other = child::command("conform", &file).spawn().unwrap();
    conformance::run(store).await;
    let ended = other.wait_with_output().unwrap();
    assert!(ended.status.success());
}

/// A copy of the files, while they are in use, is what a kill leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill() {
    let (directory, file) = place();
    let directory = Arc::new(directory);
    let before = Arc::new(Mutex::new((file, None::<Sqlite>)));
    let copies = Arc::new(AtomicU64::new(0));
    let open = move || {
        let (directory, before) = (Arc::clone(&directory), Arc::clone(&before));
        let copy = directory
            .path()
            .join(format!("{}.db", copies.fetch_add(1, Ordering::Relaxed)));
        async move {
            let (old, running) = before.lock().unwrap().clone();
            if running.is_some() {
                // By another process: ours would lose its locks on the file.
                for beside in ["", "-wal"] {
                    let [from, to] = [&old, &copy].map(|path| format!("{}{beside}", path.display()));
                    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
                }
            }
            let store = patient().open(&copy).await.unwrap();
            *before.lock().unwrap() = (copy, Some(store.clone()));
            store
        }
    };
    conformance::run_restarts(Restarts::new(open.clone())).await;
    conformance::run_counter_restarts(Restarts::of_counters(open.clone())).await;
    conformance::run_mark_restarts(Restarts::of_marks(open)).await;
}
