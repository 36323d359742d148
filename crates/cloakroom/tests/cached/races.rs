//! What is under way when something changes: no copy from before it is left, whoever is heard of first.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom::stores::Cached;
use cloakroom_store::{Cap, Delete, Expect, Owner, Store, Stored, Touch, Write};
use tokio::task::JoinSet;
use tokio::time::advance;

use crate::fixture::{
    STALENESS, Stage, all_of, applied, at, begin, body, create, end, id, load, namespace, record, record_of,
    rewrite, text, write,
};

type Loading<'a> = Pin<Box<dyn Future<Output = Option<Stored>> + 'a>>;

/// A load that the store has answered, and whose answer is on its way.
async fn load_under_way<'a>(stage: &Stage, node: &'a Cached, n: u32) -> Loading<'a> {
    stage.store.hold_answers();
    let loading = begin(async move { node.load(load(n)).await.unwrap() }).await;
    stage.store.release();
    loading
}

#[tokio::test(start_paused = true)]
async fn a_load_that_a_write_overtakes_leaves_no_copy() {
    let stage = Stage::default();
    let node = stage.node();
    let revision = create(&stage.store, 1, record("a")).await;
    let loading = load_under_way(&stage, &node, 1).await;
    rewrite(&node, 1, revision, record("b")).await;
    assert_eq!(text(&loading.await.unwrap()), "a", "it is from before");
    assert_eq!(body(&node, 1).await.as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_an_ending_overtakes_leaves_no_copy() {
    let stage = Stage::default();
    let node = stage.node();
    create(&stage.store, 1, record_of("alice", "a")).await;
    create(&stage.store, 2, record_of("alice", "a")).await;
    let loading = load_under_way(&stage, &node, 1).await;
    end(&node, 1).await;
    loading.await.unwrap();
    assert_eq!(body(&node, 1).await, None);
    let loading = load_under_way(&stage, &node, 2).await;
    node.revoke(all_of("alice")).await.unwrap();
    loading.await.unwrap();
    assert_eq!(body(&node, 2).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_a_touch_overtakes_leaves_no_copy() {
    let stage = Stage::default();
    let node = stage.node();
    let revision = create(&stage.store, 1, record("a")).await;
    let loading = load_under_way(&stage, &node, 1).await;
    let touch = Touch::new(namespace(), id(1), revision, at(5000), at(2_000_000));
    node.touch(touch).await.unwrap();
    loading.await.unwrap();
    let seen = node.load(load(1)).await.unwrap().unwrap();
    assert_eq!(seen.record.expires, at(2_000_000));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_a_cap_overtakes_leaves_no_copy() {
    let stage = Stage::default();
    let node = stage.node();
    create(&stage.store, 1, record_of("alice", "a")).await;
    let loading = load_under_way(&stage, &node, 1).await;
    let cap = Cap::EndOldest(NonZeroU32::MIN);
    let capped = Write::new(namespace(), id(2), Expect::Absent, record_of("alice", "b"));
    applied(node.write(capped.with_cap(cap, at(2000))).await.unwrap());
    loading.await.unwrap();
    assert_eq!(body(&node, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_copy_made_while_a_write_is_under_way_goes_with_it() {
    let stage = Stage::default();
    let node = stage.node();
    let revision = create(&stage.store, 1, record("a")).await;
    stage.store.hold_requests();
    let expect = Expect::Revision(revision);
    let writing = begin(node.write(Write::new(namespace(), id(1), expect, record("b")))).await;
    // The write waits at the gate: a load that comes by another way sees what was there before.
    let loading = begin(async { node.load(load(1)).await.unwrap() }).await;
    stage.store.release();
    assert_eq!(text(&loading.await.unwrap()), "a");
    assert_eq!(body(&node, 1).await.as_deref(), Some("a"), "there is a copy");
    applied(writing.await.unwrap());
    assert_eq!(body(&node, 1).await.as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn of_two_writes_the_first_answered_last_does_not_count() {
    let stage = Stage::default();
    let node = stage.node();
    let revision = create(&stage.store, 1, record("a")).await;
    stage.store.hold_answers();
    let expect = Expect::Revision(revision);
    let first = begin(node.write(Write::new(namespace(), id(1), expect, record("b")))).await;
    let seen = stage.store.memory.load(load(1)).await.unwrap().unwrap().revision;
    stage.store.release();
    rewrite(&node, 1, seen, record("c")).await;
    applied(first.await.unwrap());
    assert_eq!(body(&node, 1).await.as_deref(), Some("c"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_answered_late_does_not_hide_a_newer_one() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    let revision = create(&stage.store, 1, record("a")).await;
    stage.store.hold_answers();
    let expect = Expect::Revision(revision);
    let late = begin(here.write(Write::new(namespace(), id(1), expect, record("b")))).await;
    stage.store.release();
    let seen = there.load(load(1)).await.unwrap().unwrap().revision;
    rewrite(&there, 1, seen, record("c")).await;
    advance(STALENESS / 10).await;
    assert_eq!(body(&here, 1).await.as_deref(), Some("c"));
    applied(late.await.unwrap());
    assert_eq!(body(&here, 1).await.as_deref(), Some("c"), "no way back");
}

#[tokio::test(start_paused = true)]
async fn of_two_loads_the_one_that_began_later_counts() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    let revision = create(&there, 1, record("a")).await;
    let earlier = load_under_way(&stage, &here, 1).await;
    advance(STALENESS / 10).await;
    rewrite(&there, 1, revision, record("b")).await;
    assert_eq!(body(&here, 1).await.as_deref(), Some("b"));
    earlier.await.unwrap();
    assert_eq!(body(&here, 1).await.as_deref(), Some("b"), "no way back");
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_to_be_gone_does_not_come_back() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    create(&there, 1, record("a")).await;
    let loading = load_under_way(&stage, &here, 1).await;
    end(&there, 1).await;
    assert_eq!(body(&here, 1).await, None);
    assert_eq!(text(&loading.await.unwrap()), "a", "it is from before");
    assert_eq!(body(&here, 1).await, None, "no way back from a late load");

    stage.store.hold_answers();
    let expect = Expect::Absent;
    let late = begin(here.write(Write::new(namespace(), id(2), expect, record("b")))).await;
    stage.store.release();
    end(&there, 2).await;
    assert_eq!(body(&here, 2).await, None);
    applied(late.await.unwrap());
    assert_eq!(body(&here, 2).await, None, "no way back from a late write");
}

#[tokio::test(start_paused = true)]
async fn guessed_tokens_keep_nobody_from_a_copy() {
    let stage = Stage::default();
    let node = stage.node();
    create(&stage.store, 1, record("a")).await;
    let loading = load_under_way(&stage, &node, 1).await;
    for guess in 2..500 {
        assert_eq!(body(&node, guess).await, None);
    }
    loading.await.unwrap();
    stage.store.loads();
    assert_eq!(body(&node, 1).await.as_deref(), Some("a"));
    assert_eq!(stage.store.loads(), 0, "there is a copy");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_old_as_its_question() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    create(&there, 1, record("a")).await;
    let slow = load_under_way(&stage, &here, 1).await;
    advance(STALENESS).await;
    end(&there, 1).await;
    slow.await.unwrap();
    assert_eq!(body(&here, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_change_leaves_no_copy() {
    let stage = Stage::default();
    let node = stage.node();
    let revision = create(&node, 1, record("a")).await;
    let expect = Expect::Revision(revision);
    stage.store.hold_answers();
    drop(begin(node.write(Write::new(namespace(), id(1), expect, record("b")))).await);
    stage.store.release();
    assert_eq!(body(&node, 1).await.as_deref(), Some("b"), "it has happened");
    stage.store.hold_answers();
    drop(begin(node.delete(Delete::new(namespace(), id(1), Owner::Any))).await);
    stage.store.release();
    assert_eq!(body(&node, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_ending_of_many_leaves_no_copy() {
    let stage = Stage::default();
    let node = stage.node();
    create(&node, 1, record_of("alice", "a")).await;
    stage.store.hold_answers();
    drop(begin(node.revoke(all_of("alice"))).await);
    stage.store.release();
    assert_eq!(body(&node, 1).await, None);
    create(&node, 2, record_of("alice", "a")).await;
    stage.store.hold_answers();
    let cap = Cap::EndOldest(NonZeroU32::MIN);
    let capped = Write::new(namespace(), id(3), Expect::Absent, record_of("alice", "b"));
    drop(begin(node.write(capped.with_cap(cap, at(2000)))).await);
    stage.store.release();
    assert_eq!(body(&node, 2).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_load_holds_nobody_up() {
    let stage = Stage::default();
    let node = stage.node();
    create(&stage.store, 1, record("a")).await;
    drop(load_under_way(&stage, &node, 1).await);
    assert_eq!(body(&node, 1).await.as_deref(), Some("a"));
    assert_eq!(body(&node, 1).await.as_deref(), Some("a"));
    assert_eq!(stage.store.loads(), 2, "the dropped one, and one");
}

/// Readers, writers and enders on two threads: whoever was told of a write sees it, or a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_goes_back_behind_what_was_answered() {
    let stage = Stage::default();
    let node = stage.node();
    create(&node, 1, record("0")).await;
    let answered = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let (node, answered) = (node.clone(), answered.clone());
        readers.spawn(async move {
            for _ in 0..20_000 {
                let least = answered.load(Ordering::SeqCst);
                let seen: u64 = body(&node, 1).await.unwrap().parse().unwrap();
                assert!(seen >= least, "{least} was answered, and {seen} is seen");
                tokio::task::yield_now().await;
            }
        });
    }
    for n in 1..=20_000_u64 {
        let seen = node.load(load(1)).await.unwrap().unwrap().revision;
        applied(write(&node, 1, Expect::Revision(seen), record(&n.to_string())).await);
        answered.store(n, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    readers.join_all().await;
}
