//! Within one process everything is seen at once, so every rule of the contract holds around a store that keeps it.

use std::time::Duration;

use cloakroom::stores::Memory;
use cloakroom::stores::cached::CachedOptions;
use cloakroom_store::{AnyStore, Store, conformance};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_memory_store_conforms() {
    let store = CachedOptions::default().staleness(HOUR).around(Memory::default());
    conformance::run(store.clone()).await;
    assert!(store.stats().hits > 100, "{store:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_when_there_is_hardly_any_room() {
    let options = CachedOptions::default().staleness(HOUR).bytes(64 << 10);
    let store = options.around(Memory::default());
    conformance::run(store.clone()).await;
    assert!(store.stats().evicted > 100, "{store:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_when_it_keeps_nothing() {
    let store = CachedOptions::default().around(Memory::default());
    conformance::run(store.clone()).await;
    assert_eq!(store.stats().hits, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cached_store_serves_all_rules_at_once() {
    let store = CachedOptions::default().staleness(HOUR).around(Memory::default());
    all_at_once(store).await;
}

#[cfg(feature = "disk")]
#[tokio::test(flavor = "multi_thread")]
async fn a_cached_disk_store_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let disk = cloakroom::stores::Disk::open(directory.path()).await.unwrap();
    conformance::run(CachedOptions::default().staleness(HOUR).around(disk)).await;
}

#[cfg(feature = "disk")]
#[tokio::test(flavor = "multi_thread")]
async fn one_cached_disk_store_serves_all_rules_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let disk = cloakroom::stores::Disk::open(directory.path()).await.unwrap();
    all_at_once(CachedOptions::default().staleness(HOUR).around(disk)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_is_that_of_the_store_within() {
    let memory = Memory::default();
    let card = memory.capabilities();
    let store = CachedOptions::default().staleness(HOUR).around(memory);
    assert_eq!(store.capabilities(), card);
}

async fn all_at_once(store: impl Store) {
    let store = AnyStore::new(store);
    let mut checking = tokio::task::JoinSet::new();
    for rule in conformance::rules() {
        let store = store.clone();
        checking.spawn(async move { rule.check(store).await });
    }
    for checked in checking.join_all().await {
        assert_eq!(checked, Ok(()));
    }
}
