//! A replica is promoted while requests run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cloakroom::stores::Redis;
use cloakroom::{Outcome, Sessions};
use cloakroom_store::{Deleted, ErrorKind, Expect, Load, Store as _, Written};
use cloakroom_testbed::redis::{Redis as Server, RedisLaunch};

use crate::fixture::{BOUND, create, delete, id, load, namespace, record, recovered, write};
use crate::watched::Watched;

/// How the workers of a failover got on.
#[derive(Default)]
struct Progress {
    created: AtomicU64,
    ended: AtomicU64,
    failed: AtomicU64,
    longest: AtomicU64,
    is_over: AtomicBool,
}

impl Progress {
    /// How many creates were answered, whichever way.
    fn sum(&self) -> u64 {
        self.created.load(Ordering::SeqCst) + self.failed.load(Ordering::SeqCst)
    }
}

/// So large that a few hundred are more than the network holds between two servers.
const BODY: usize = 64 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_replica_is_found_and_what_was_lost_is_counted() {
    fails_over("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_replicas_loses_less() {
    let lost = fails_over("wait_replicas=1").await;
    // The replica that is promoted is the one that has most, so it has what any of them had.
    assert_eq!(lost, 0);
}

/// Kills the primary under load, and answers how many acknowledged writes and endings are lost.
async fn fails_over(options: &str) -> u64 {
    let watched = tokio::task::spawn_blocking(Watched::start).await.unwrap();
    let store = Redis::connect(&watched.url(options)).await.unwrap();
    assert!(!store.capabilities().survives_restart);
    let progress = Arc::new(Progress::default());
    let workers: Vec<_> = (0..16)
        .map(|worker| tokio::spawn(work(store.clone(), worker, Arc::clone(&progress))))
        .collect();
    reaches(|| progress.created.load(Ordering::SeqCst), 500).await;
    let old = watched.primary().server().port();
    // Replicas that fall behind: what has left the primary for the network would still reach them after its death.
    for server in watched
        .servers
        .iter()
        .filter(|server| server.server().port() != old)
    {
        server.server().pause();
    }
    let so_far = progress.sum();
    reaches(|| progress.sum(), so_far + 500).await;
    let begun = Instant::now();
    watched.primary().server().stop();
    for server in &watched.servers {
        server.server().resume();
    }
    let before = progress.failed.load(Ordering::SeqCst);
    reaches(|| progress.failed.load(Ordering::SeqCst), before + 16).await;
    let so_far = progress.created.load(Ordering::SeqCst);
    reaches(|| progress.created.load(Ordering::SeqCst), so_far + 100).await;
    let recovered_after = begun.elapsed();
    progress.is_over.store(true, Ordering::SeqCst);
    let mut kept = Vec::new();
    for worker in workers {
        kept.extend(worker.await.unwrap());
    }
    assert_ne!(watched.sentinels.primary(), Some(old));
    // Some of the store's connections may be made again later than others.
    recovered(&store).await;
    let (mut lost, mut revived) = (0, 0);
    for (n, was_ended) in &kept {
        match (load(&store, *n).await.unwrap(), was_ended) {
            (None, false) => lost += 1,
            (Some(_), true) => revived += 1,
            _ => {}
        }
    }
    let fault = match options {
        "" => "the primary is killed while its replicas lag",
        _ => "the primary is killed while its replicas lag; writes wait for a replica",
    };
    let seen = format!(
        "lost {lost} of {} begun sessions, revived {revived} of {} ended; back {recovered_after:.1?} after the kill, longest \
         call {} ms",
        progress.created.load(Ordering::SeqCst),
        progress.ended.load(Ordering::SeqCst),
        progress.longest.load(Ordering::SeqCst),
    );
    cloakroom_testbed::note(fault, "Redis with Sentinel", &seen);
    let longest = Duration::from_millis(progress.longest.load(Ordering::SeqCst));
    assert!(longest < BOUND + Duration::from_secs(1), "{longest:?}");
    lost + revived
}

/// Begins sessions and ends every other, and answers what was acknowledged: which, and whether it was ended.
async fn work(store: Redis, worker: u64, progress: Arc<Progress>) -> Vec<(u64, bool)> {
    let mut kept = Vec::new();
    for n in 0.. {
        if progress.is_over.load(Ordering::SeqCst) {
            break;
        }
        let number = worker << 32 | n;
        let begun = Instant::now();
        let written = write(&store, number, Expect::Absent, record("alice", [7; BODY])).await;
        let applied = matches!(written, Ok(Written::Applied { .. }));
        let ended = match n % 2 {
            0 if applied => Some(delete(&store, number).await),
            _ => None,
        };
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        progress.longest.fetch_max(took, Ordering::SeqCst);
        match (written, ended) {
            (Ok(_), None) => {
                progress.created.fetch_add(1, Ordering::SeqCst);
                kept.push((number, false));
            }
            (Ok(_), Some(Ok(Deleted::Ended))) => {
                progress.created.fetch_add(1, Ordering::SeqCst);
                progress.ended.fetch_add(1, Ordering::SeqCst);
                kept.push((number, true));
            }
            // Lost between the two, or the answer was: neither is acknowledged as it is now.
            (Ok(_), Some(_)) => {}
            (Err(error), _) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                progress.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    kept
}

async fn reaches(number: impl Fn() -> u64, least: u64) {
    let mut looking = tokio::time::interval(Duration::from_millis(2));
    let begun = Instant::now();
    while number() < least {
        looking.tick().await;
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not go on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_demoted_is_left() {
    let watched = tokio::task::spawn_blocking(Watched::start).await.unwrap();
    let store = Redis::connect(&watched.url("")).await.unwrap();
    create(&store, 1, "alice").await;
    let promoted = tokio::task::spawn_blocking(move || {
        // Until it knows itself, it takes writes that will be lost: the card says that there may be some.
        watched.primary_is_demoted();
        watched
    });
    let watched = promoted.await.unwrap();
    let begun = Instant::now();
    recovered(&store).await;
    // Whoever it leads to takes writes.
    while write(&store, 2, Expect::Absent, record("alice", ""))
        .await
        .is_err()
    {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it does not find the primary"
        );
    }
    cloakroom_testbed::note(
        "the server only reads: a replica, or told to",
        "Redis with Sentinel",
        &format!(
            "a primary that was demoted is left: the next one takes writes {:.1?} later",
            begun.elapsed()
        ),
    );
    assert!(load(&store, 1).await.unwrap().is_some());
    let primary = watched
        .primary()
        .command(&["EXISTS", &format!("cloakroom%test%s%{:032x}", 2)]);
    assert_eq!(primary, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_too_few_replicas_have_is_an_error() {
    let primary = Server::start();
    // Long enough for a replica on a busy machine, which is also asked here.
    let url = format!(
        "{}?wait_replicas=1&wait_replicas_timeout=2s&operation_timeout=3s",
        primary.url()
    );
    let store = Redis::connect(&url).await.unwrap();
    let is_refused = async |n| {
        let written = write(&store, n, Expect::Absent, record("alice", "")).await;
        let error = written.expect_err("no replica has it");
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{text}");
        assert!(
            text.contains("0 of 1 replicas") && text.contains("not known"),
            "{text}"
        );
    };
    is_refused(1).await;
    let replica = RedisLaunch::default().replica_of(&primary).start();
    primary.is_followed_by(1);
    create(&store, 2, "alice").await;
    assert_eq!(delete(&store, 2).await.unwrap(), Deleted::Ended);
    replica.server().pause();
    is_refused(3).await;
    // What only reads or touches does not wait.
    assert!(load(&store, 1).await.unwrap().is_some());
    replica.server().resume();
}

/// By whoever reads it, or finds nothing to change: also on a connection that has written nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_too_few_replicas_have_is_not_believed() {
    let primary = Server::start();
    let replica = RedisLaunch::default().replica_of(&primary).start();
    primary.is_followed_by(1);
    let url = format!(
        "{}?wait_replicas=1&wait_replicas_timeout=2s&operation_timeout=3s",
        primary.url()
    );
    let (here, there) = (
        Redis::connect(&url).await.unwrap(),
        Redis::connect(&url).await.unwrap(),
    );
    create(&here, 1, "alice").await;
    let latest = async || there.load(Load::new(namespace(), id(1)).latest()).await;
    assert!(latest().await.unwrap().is_some());
    replica.server().pause();
    assert!(
        write(&here, 2, Expect::Absent, record("alice", ""))
            .await
            .is_err()
    );
    assert!(delete(&here, 1).await.is_err());
    for error in [latest().await.unwrap_err(), delete(&there, 1).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    }
    replica.server().resume();
    assert!(latest().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_too_few_replicas_have_is_not_acknowledged() {
    let primary = Server::start();
    let url = format!(
        "{}?wait_replicas=1&wait_replicas_timeout=2s&operation_timeout=3s",
        primary.url()
    );
    let sessions = Sessions::new(Redis::connect(&url).await.unwrap());
    let sign_in = async || {
        let session = sessions.open([].into_iter()).await.unwrap();
        session.sign_in("alice").unwrap();
        sessions.finish(&session, Outcome::Success).await
    };
    // The primary has it, and whoever reads it back there must not take that for an answer.
    let finished = sign_in().await;
    let error = finished.result.unwrap_err();
    assert_eq!(error.kind(), cloakroom::ErrorKind::Unavailable, "{error}");
    assert_eq!(finished.set_cookie, None);
    let _replica = RedisLaunch::default().replica_of(&primary).start();
    primary.is_followed_by(1);
    let finished = sign_in().await;
    assert!(finished.result.is_ok() && finished.set_cookie.is_some());
}
