//! For how long a copy answers, and what drops it before.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use cloakroom::stores::cached::CachedOptions;
use cloakroom_store::{
    Cap, Deleted, Expect, Freshness, Revoke, Scope, Store, Sweep, Touch, Touched, Write, Written,
};
use tokio::time::advance;

use crate::fixture::{
    STALENESS, Stage, all_of, applied, at, body, create, end, id, load, namespace, record, record_of,
    rewrite, write,
};

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn what_is_read_again_is_read_once() {
    let stage = Stage::default();
    create(&stage.store, 1, record("a")).await;
    let node = stage.node();
    for _ in 0..20 {
        assert_eq!(body(&node, 1).await.as_deref(), Some("a"));
    }
    assert_eq!(stage.store.loads(), 1);
    let copy = node.load(load(1)).await.unwrap().unwrap();
    assert_eq!(copy.freshness, Freshness::Copied, "a copy says that it is one");
    let latest = node.load(load(1).latest()).await.unwrap().unwrap();
    assert_eq!(latest.freshness, Freshness::Latest);
    assert_eq!(stage.store.loads(), 1, "the latest is asked for");
}

#[tokio::test(start_paused = true)]
async fn without_a_staleness_nothing_is_kept() {
    let stage = Stage::default();
    let node = CachedOptions::default().around(stage.store.clone());
    create(&node, 1, record("a")).await;
    body(&node, 1).await;
    body(&node, 1).await;
    assert_eq!(stage.store.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_another_node_does_is_seen_within_the_staleness() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    let revision = create(&here, 1, record("a")).await;
    create(&here, 2, record("a")).await;
    create(&here, 3, record_of("alice", "a")).await;
    for n in 1..=3 {
        body(&there, n).await;
    }
    rewrite(&here, 1, revision, record("b")).await;
    assert_eq!(end(&here, 2).await, Deleted::Ended);
    here.revoke(all_of("alice")).await.unwrap();
    advance(STALENESS - MOMENT).await;
    for n in 1..=3 {
        assert_eq!(
            body(&there, n).await.as_deref(),
            Some("a"),
            "{n}: not for want of copies"
        );
    }
    advance(MOMENT).await;
    assert_eq!(body(&there, 1).await.as_deref(), Some("b"));
    assert_eq!(body(&there, 2).await, None);
    assert_eq!(body(&there, 3).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_hit_makes_no_copy_younger() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    create(&here, 1, record("a")).await;
    body(&there, 1).await;
    end(&here, 1).await;
    for _ in 0..4 {
        advance(STALENESS / 5).await;
        assert_eq!(body(&there, 1).await.as_deref(), Some("a"));
    }
    advance(STALENESS / 5).await;
    assert_eq!(body(&there, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn ones_own_writes_are_seen_at_once_without_asking() {
    let stage = Stage::default();
    let node = stage.node();
    let revision = create(&node, 1, record("a")).await;
    assert_eq!(body(&node, 1).await.as_deref(), Some("a"));
    let revision = rewrite(&node, 1, revision, record("b")).await;
    let seen = node.load(load(1)).await.unwrap().unwrap();
    assert_eq!((seen.revision, seen.record), (revision, record("b")));
    assert_eq!(stage.store.loads(), 0);
    end(&node, 1).await;
    assert_eq!(body(&node, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_drops_the_copy() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    let revision = create(&here, 1, record("a")).await;
    let newer = rewrite(&there, 1, revision, record("b")).await;
    let refused = write(&here, 1, Expect::Revision(revision), record("c")).await;
    assert_eq!(refused, Written::Refused);
    assert_eq!(body(&here, 1).await.as_deref(), Some("b"));
    rewrite(&here, 1, newer, record("c")).await;
}

#[tokio::test(start_paused = true)]
async fn a_touch_moves_the_copy_and_a_refused_one_drops_it() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    let revision = create(&here, 1, record("a")).await;
    let touch = |seen, expires| Touch::new(namespace(), id(1), revision, at(seen), at(expires));
    let touched = here.touch(touch(5000, 2_000_000)).await.unwrap();
    assert_eq!(touched, Touched::Applied(revision));
    let back = here.touch(touch(4000, 1_500_000)).await.unwrap();
    assert_eq!(back, Touched::Applied(revision), "backward is ignored");
    let copy = here.load(load(1)).await.unwrap().unwrap();
    assert_eq!(stage.store.loads(), 0, "it is a copy");
    let kept = stage.store.load(load(1)).await.unwrap().unwrap();
    assert_eq!(copy.record, kept.record);
    assert_eq!(copy.record.expires, at(2_000_000));

    rewrite(&there, 1, revision, record("b")).await;
    assert_eq!(
        here.touch(touch(6000, 3_000_000)).await.unwrap(),
        Touched::Refused
    );
    assert_eq!(body(&here, 1).await.as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn revoking_drops_the_copies_of_the_principal_and_those_of_nobody() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    create(&here, 1, record_of("alice", "a")).await;
    create(&here, 2, record_of("bob", "a")).await;
    // It is nobody's here, and has been signed in to there.
    let revision = create(&here, 3, record("a")).await;
    rewrite(&there, 3, revision, record_of("alice", "b")).await;
    here.revoke(all_of("alice")).await.unwrap();
    assert_eq!(body(&here, 1).await, None);
    assert_eq!(body(&here, 3).await, None);
    stage.store.loads();
    assert_eq!(body(&here, 2).await.as_deref(), Some("a"));
    assert_eq!(stage.store.loads(), 0, "bob's copy stays");
}

#[tokio::test(start_paused = true)]
async fn revoking_everyone_and_sweeping_drop_what_they_end() {
    let stage = Stage::default();
    let node = stage.node();
    create(&node, 1, record("a")).await;
    let mut long = record("a");
    (long.created, long.expires) = (at(5000), at(9_000_000));
    create(&node, 2, long).await;
    let sweep = Sweep::new(namespace(), at(2_000_000), NonZeroUsize::MAX);
    assert_eq!(node.sweep(sweep).await.unwrap().removed, 1);
    assert_eq!(body(&node, 1).await, None);
    stage.store.loads();
    assert_eq!(body(&node, 2).await.as_deref(), Some("a"));
    assert_eq!(stage.store.loads(), 0, "what was not swept stays");
    let begun_before = at(6000);
    let everyone = Revoke::new(namespace(), Scope::Everyone { begun_before });
    assert_eq!(node.revoke(everyone).await.unwrap().ended, 1);
    assert_eq!(body(&node, 2).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_cap_ends_is_gone_at_once() {
    let stage = Stage::default();
    let node = stage.node();
    create(&node, 1, record_of("alice", "a")).await;
    let cap = Cap::EndOldest(NonZeroU32::MIN);
    let capped = Write::new(namespace(), id(2), Expect::Absent, record_of("alice", "b"));
    applied(node.write(capped.with_cap(cap, at(2000))).await.unwrap());
    assert_eq!(body(&node, 1).await, None);
    assert_eq!(body(&node, 2).await.as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn that_nothing_is_there_is_not_kept() {
    let stage = Stage::default();
    let (here, there) = (stage.node(), stage.node());
    assert_eq!(body(&here, 1).await, None);
    create(&there, 1, record("a")).await;
    assert_eq!(body(&here, 1).await.as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_not_copied_again() {
    let stage = Stage::default();
    let inner = stage.node();
    let outer = CachedOptions::default()
        .staleness(STALENESS)
        .around(inner.clone());
    create(&stage.store, 1, record("a")).await;
    body(&inner, 1).await;
    advance(STALENESS - MOMENT).await;
    assert_eq!(body(&outer, 1).await.as_deref(), Some("a"));
    end(&stage.store, 1).await;
    advance(MOMENT).await;
    assert_eq!(body(&outer, 1).await, None, "two caches are no staler than one");
}
