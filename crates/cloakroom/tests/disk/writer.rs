//! The writer: those who wait share a commit, touches wait for none, and who stops waiting breaks nothing.

use std::future::Future;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cloakroom::stores::Disk;
use cloakroom::stores::disk::{DiskOptions, Durability};
use cloakroom_store::{Cap, Expect, Query, Store, Sweep, Touch, Touched, Write, Written};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::fixture::{
    FILE, applied, create, fill, id, listed, load, moment, namespace, principal, record, sign_in, write,
};

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_at_once_share_a_commit() {
    const WRITERS: u64 = 64;
    const ROUNDS: u64 = 20;
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let before = store.stats();
    let barrier = Arc::new(Barrier::new(WRITERS as usize));
    let mut writing = JoinSet::new();
    for n in 0..WRITERS {
        let (store, barrier) = (store.clone(), Arc::clone(&barrier));
        writing.spawn(async move {
            for round in 0..ROUNDS {
                barrier.wait().await;
                create(&store, id(n * ROUNDS + round), record("new")).await;
            }
        });
    }
    writing.join_all().await;
    let stats = store.stats();
    let (requests, commits) = (stats.requests - before.requests, stats.commits - before.commits);
    assert_eq!(requests, WRITERS * ROUNDS);
    // One group would do for each round; the first of a round may find the writer idle.
    assert!(commits * 4 <= requests, "{commits} commits for {requests} writes");
    assert_eq!(stats.durable_commits - before.durable_commits, commits);
    assert!(stats.syncs - before.syncs >= commits, "{stats:?}");
    assert_eq!(listed(&store, Query::default()).await.len() as u64, requests);
}

#[tokio::test]
async fn a_single_write_is_synced_before_it_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let mut syncs = store.stats().syncs;
    for n in 0..10 {
        create(&store, id(n), record("new")).await;
        let now = store.stats().syncs;
        assert!(now > syncs, "write {n} was answered without a sync");
        syncs = now;
    }
    // What changes nothing syncs nothing.
    for _ in 0..10 {
        let again = write(&store, id(1), Expect::Absent, record("again")).await;
        assert_eq!(again.unwrap(), Written::Refused);
        store.ping().await.unwrap();
    }
    assert_eq!(store.stats().syncs, syncs);
}

#[tokio::test]
async fn touches_wait_for_no_sync_but_are_synced_soon() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let revision = create(&store, id(1), record("touched")).await;
    let (begun, syncs) = (Instant::now(), store.stats().syncs);
    for second in 1..=50 {
        let touch = Touch::new(
            namespace(),
            id(1),
            revision,
            moment(second),
            moment(3600 + second),
        );
        assert_eq!(store.touch(touch).await.unwrap(), Touched::Applied(revision));
        let seen = load(&store, id(1)).await.unwrap().unwrap();
        assert_eq!(seen.record.last_seen, moment(second));
    }
    // One a second, however slow the machine is.
    let (synced, allowed) = (store.stats().syncs - syncs, begun.elapsed().as_secs() + 1);
    assert!(synced <= allowed, "{synced} syncs for 50 touches");

    // Soon they are on the disk without anybody asking: the file as it is then has them.
    let kept = async {
        loop {
            let crashed = crashed_copy(&directory);
            if let Ok(copy) = Disk::open(crashed.path()).await
                && load(&copy, id(1)).await.unwrap().unwrap().record.last_seen == moment(50)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), kept).await.unwrap();
}

#[tokio::test]
async fn synced_later_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let options = DiskOptions::default().durability(Durability::Within(Duration::from_millis(50)));
    let store = options.open(directory.path()).await.unwrap();
    // The first one also raises the mark for revisions, and syncs that.
    create(&store, id(0), record("first")).await;
    let syncs = store.stats().syncs;
    create(&store, id(1), record("later")).await;
    let synced = async {
        while store.stats().syncs == syncs {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), synced)
        .await
        .unwrap();
    let crashed = crashed_copy(&directory);
    let copy = Disk::open(crashed.path()).await.unwrap();
    assert!(load(&copy, id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn no_revision_comes_back_after_a_crash_that_took_the_last_writes() {
    let directory = tempfile::tempdir().unwrap();
    let options = DiskOptions::default().durability(Durability::Within(Duration::from_secs(3600)));
    let store = options.clone().open(directory.path()).await.unwrap();
    let mut given = Vec::new();
    for n in 0..20 {
        given.push(create(&store, id(n), record("before")).await);
    }
    let crashed = crashed_copy(&directory);
    let store = options.open(crashed.path()).await.unwrap();
    for n in 100..120 {
        let revision = create(&store, id(n), record("after")).await;
        assert!(!given.contains(&revision), "{revision:?} was given out before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_nobody_waits_for_happens_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let one = NonZeroU32::MIN;
    sign_in(&store, id(0), "alice", Cap::None).await;
    for n in 1..=200 {
        let request = Write::new(
            namespace(),
            id(n),
            Expect::Absent,
            crate::fixture::record_of("alice", ""),
        );
        let mut verb = pin!(store.write(request.with_cap(Cap::EndOldest(one), moment(1))));
        // In the queue after the first poll, and dropped before it was answered, most likely.
        let _ = verb.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    // Behind all of them in the queue.
    store.ping().await.unwrap();
    let alices = listed(&store, Query::default().principal(principal("alice"))).await;
    assert_eq!(alices, listed(&store, Query::default()).await);
    assert_eq!(alices.len(), 1, "each sign-in ended the one before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_waits_and_may_be_left() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let large = vec![7; Disk::MAX_BODY];
    let mut waiting: Vec<_> = (0..100)
        .map(|n| Box::pin(write(&store, id(n), Expect::Absent, record(&large))))
        .collect();
    let mut context = Context::from_waker(Waker::noop());
    let polled = waiting.iter_mut().map(|verb| verb.as_mut().poll(&mut context));
    assert!(polled.filter(Poll::is_pending).count() > 0);
    // Those that were in the queue happen, those that waited in front of it do not, and the queue has room again.
    drop(waiting);
    for n in 1000..1100 {
        create(&store, id(n), record(&large)).await;
    }
    for n in 0..100 {
        let found = load(&store, id(n)).await.unwrap();
        assert!(found.is_none_or(|found| found.record == record(&large)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_is_exact_under_racing_sign_ins() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let cap = Cap::Refuse(NonZeroU32::new(3).unwrap());
    let mut signing_in = JoinSet::new();
    for n in 0..100 {
        let store = store.clone();
        signing_in.spawn(async move { sign_in(&store, id(n), "alice", cap).await });
    }
    let answers = signing_in.join_all().await;
    let applied = answers.iter().filter(|answer| **answer != Written::AtCap).count();
    assert_eq!(applied, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_goes_by_what_expired_and_lets_others_pass() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    fill(&store, 3000).await;
    for n in 0..1000 {
        let seen = load(&store, id(n)).await.unwrap().unwrap();
        let touch = Touch::new(namespace(), id(n), seen.revision, moment(100), moment(9000));
        store.touch(touch).await.unwrap();
    }
    let requests = store.stats().requests;
    let sweep = |at| Sweep::new(namespace(), at, NonZeroUsize::MAX);
    let swept = store.sweep(sweep(moment(4000))).await.unwrap();
    assert_eq!((swept.removed, swept.more), (2000, false));
    // In steps, so that no other request waits behind all of it.
    assert!(store.stats().requests - requests >= 3000 / 256);
    // Those that were touched are filed anew: the next sweep looks at none of them.
    let requests = store.stats().requests;
    assert_eq!(store.sweep(sweep(moment(4000))).await.unwrap().removed, 0);
    assert_eq!(store.stats().requests - requests, 1);
    assert_eq!(store.sweep(sweep(moment(9001))).await.unwrap().removed, 1000);
}

#[tokio::test]
async fn rewriting_with_another_expiry_keeps_the_index_true() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let sweep = |at| Sweep::new(namespace(), at, NonZeroUsize::MAX);
    let mut revision = create(&store, id(1), record("first")).await;
    for expires in [5000, 100, 9000, 200, 50] {
        let mut record = record("again");
        record.expires = moment(expires);
        revision = applied(
            write(&store, id(1), Expect::Revision(revision), record)
                .await
                .unwrap(),
        );
        assert_eq!(store.sweep(sweep(moment(expires))).await.unwrap().removed, 0);
    }
    assert_eq!(store.sweep(sweep(moment(51))).await.unwrap().removed, 1);
    assert!(load(&store, id(1)).await.unwrap().is_none());
}

/// What a crash would leave at this moment.
fn crashed_copy(directory: &tempfile::TempDir) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(directory.path().join(FILE), copy.path().join(FILE)).unwrap();
    copy
}
