//! The disk store keeps the contract, and what it keeps outlives it.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::stores::Disk;
use cloakroom::stores::disk::{DiskOptions, Durability};
use cloakroom_store::conformance::{self, Restarts};
use cloakroom_store::{AnyStore, Store as _};

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_store_keeps_marks() {
    let directory = tempfile::tempdir().unwrap();
    conformance::run_marks(Disk::open(directory.path()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_store_counts() {
    let directory = tempfile::tempdir().unwrap();
    conformance::run_counters(Disk::open(directory.path()).await.unwrap()).await;
}

/// A copy of the directory, while it is in use, is what a kill leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn marks_and_counters_survive_a_kill() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let before = Arc::new(Mutex::new(None));
    let copies = Arc::new(AtomicU64::new(0));
    let open = move || {
        let (directory, before) = (Arc::clone(&directory), Arc::clone(&before));
        let copy = copies.fetch_add(1, Ordering::Relaxed).to_string();
        async move {
            let copy = directory.path().join(copy);
            let old: Option<(_, Disk)> = before.lock().unwrap().take();
            if let Some((old, _running)) = &old {
                let copied = Command::new("cp").arg("-r").args([old, &copy]).status();
                assert!(copied.unwrap().success());
            }
            let store = Disk::open(&copy).await.unwrap();
            *before.lock().unwrap() = Some((copy, store.clone()));
            store
        }
    };
    conformance::run_counter_restarts(Restarts::of_counters(open.clone())).await;
    conformance::run_mark_restarts(Restarts::of_marks(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_store_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    assert!(store.capabilities().survives_restart);
    conformance::run(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_when_it_syncs_later() {
    let directory = tempfile::tempdir().unwrap();
    let options = DiskOptions::default().durability(Durability::Within(Duration::from_millis(10)));
    let store = options.open(directory.path()).await.unwrap();
    let card = store.capabilities();
    assert!(
        !card.survives_restart,
        "what was not synced yet goes with the process"
    );
    conformance::run(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let store = Disk::open(directory.path()).await.unwrap();
        conformance::run(store.clone()).await;
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_serves_all_rules_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = AnyStore::new(Disk::open(directory.path()).await.unwrap());
    let mut checking = tokio::task::JoinSet::new();
    for rule in conformance::rules() {
        let store = store.clone();
        checking.spawn(async move { rule.check(store).await });
    }
    for checked in checking.join_all().await {
        assert_eq!(checked, Ok(()));
    }
}
