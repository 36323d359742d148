//! The disk store keeps the contract, and what it keeps outlives it.

use std::time::Duration;

use cloakroom::stores::Disk;
use cloakroom::stores::disk::{DiskOptions, Durability};
use cloakroom_store::{AnyStore, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_store_keeps_marks() {
    let directory = tempfile::tempdir().unwrap();
    conformance::run_marks(Disk::open(directory.path()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_store_conforms() {
    let directory = tempfile::tempdir().unwrap();
    conformance::run(Disk::open(directory.path()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_when_it_syncs_later() {
    let directory = tempfile::tempdir().unwrap();
    let options = DiskOptions::default().durability(Durability::Within(Duration::from_millis(10)));
    conformance::run(options.open(directory.path()).await.unwrap()).await;
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
