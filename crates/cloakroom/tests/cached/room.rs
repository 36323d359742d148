//! Copies never take more bytes than they were given.

use cloakroom::stores::cached::CachedOptions;
use cloakroom_store::Store;
use tokio::time::advance;

use crate::fixture::{STALENESS, Stage, body, create, load, record};

const LIMIT: usize = 1 << 20;

#[tokio::test(start_paused = true)]
async fn copies_take_no_more_bytes_than_they_were_given() {
    let stage = Stage::default();
    let options = CachedOptions::default().staleness(STALENESS).bytes(LIMIT);
    let node = options.around(stage.store.clone());
    for n in 0..20_000 {
        create(&node, n, record(&"x".repeat(n as usize % 700))).await;
        assert!(node.stats().bytes <= LIMIT as u64, "{node:?}");
    }
    let stats = node.stats();
    assert!(stats.bytes > LIMIT as u64 * 8 / 10, "the room is used: {stats:?}");
    assert!(stats.copies > 1000, "{stats:?}");
    assert_eq!(stats.evicted, 20_000 - stats.copies);
    // The newest are those that are left.
    stage.store.loads();
    for n in 19_600..20_000 {
        assert!(body(&node, n).await.is_some());
    }
    assert!(stage.store.loads() < 10, "the oldest made room");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_not_kept_and_drives_nobody_out() {
    let stage = Stage::default();
    let options = CachedOptions::default().staleness(STALENESS).bytes(LIMIT);
    let node = options.around(stage.store.clone());
    create(&node, 1, record("a")).await;
    let large = "x".repeat(LIMIT / 64);
    create(&node, 2, record(&large)).await;
    assert_eq!(body(&node, 2).await.as_deref(), Some(large.as_str()));
    assert_eq!(node.stats().copies, 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_grown_too_old_leaves_while_new_copies_come() {
    let stage = Stage::default();
    let node = stage.node();
    for n in 0..10_000 {
        create(&node, n, record("a")).await;
    }
    assert_eq!(node.stats().copies, 10_000);
    advance(STALENESS).await;
    for n in 10_000..15_000 {
        create(&node, n, record("a")).await;
    }
    let stats = node.stats();
    assert_eq!((stats.copies, stats.evicted), (5_000, 0));
}

#[tokio::test(start_paused = true)]
async fn rewriting_and_ending_leave_nothing_behind() {
    let stage = Stage::default();
    let node = stage.node();
    for n in 0..50_000 {
        create(&node, n % 10, record("a")).await;
        node.load(load(n % 10)).await.unwrap();
        crate::fixture::end(&node, n % 10).await;
    }
    let stats = node.stats();
    assert_eq!((stats.copies, stats.bytes), (0, 0));
}
