//! A near cache that the primary feeds, over TLS, while that primary is killed or demoted: no copy outlives its feed.

use std::time::{Duration, Instant};

use cloakroom::stores::cached::CachedOptions;
use cloakroom::stores::{Cached, Redis};
use cloakroom_store::{Delete, Error, ErrorKind, Expect, Load, Owner, Store, Stored, Write, Written};
use cloakroom_testbed::redis::command;
use tokio::task::spawn_blocking;

use crate::fixture::{id, namespace, record};
use crate::watched::Watched;

/// Far longer than any test takes: what is seen sooner has been told, or is not a copy.
const STALENESS: Duration = Duration::from_hours(1);

/// Within half a second a feed is looked at, within a second it must answer; and the machine is busy.
const BOUND: Duration = Duration::from_millis(3 * 1500);

const SESSIONS: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_hides_a_revocation_while_the_primary_is_killed() {
    fails_over(|watched| watched.servers[0].server().stop()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_hides_a_revocation_while_the_primary_is_demoted() {
    fails_over(|watched| {
        let sentinel = watched.sentinels.servers()[0].port();
        command(sentinel, None, &["SENTINEL", "FAILOVER", "cloakroom"]).unwrap();
    })
    .await;
}

/// Has every session copied, takes the primary away, and ends the sessions at the next one.
async fn fails_over(goes: fn(&Watched)) {
    let watched = spawn_blocking(Watched::encrypted).await.unwrap();
    let here = Redis::connect(&watched.url("wait_replicas=2")).await.unwrap();
    let there = Redis::connect(&watched.url("")).await.unwrap();
    let there = there.cached(CachedOptions::default().staleness(STALENESS));
    for n in 0..SESSIONS {
        let new = Write::new(namespace(), id(n), Expect::Absent, record("alice", "body"));
        assert!(matches!(here.write(new).await, Ok(Written::Applied { .. })));
    }
    until("every session to be copied", async || {
        for n in 0..SESSIONS {
            load(&there, n).await.unwrap();
        }
        there.stats().copies as u64 == SESSIONS
    })
    .await;
    // Two replicas have every session: which of them is promoted, it has none that the other lacks.
    let old = watched.servers[0].server().port();
    let promoted = spawn_blocking(move || {
        goes(&watched);
        watched.another_takes_over(old);
        watched
    });
    let watched = promoted.await.unwrap();
    drop(here);
    // Of the two others one may not follow yet.
    let mut connecting = Redis::connect(&watched.url("")).await;
    while connecting.is_err() {
        connecting = Redis::connect(&watched.url("")).await;
    }
    let here = connecting.unwrap();
    let mut slowest = Duration::ZERO;
    for n in 0..SESSIONS {
        until("the next primary to end a session", async || {
            let delete = Delete::new(namespace(), id(n), Owner::Any);
            here.delete(delete).await.is_ok()
        })
        .await;
        let begun = Instant::now();
        // An error is no answer: it hides nothing.
        while let Ok(Some(_)) = load(&there, n).await {
            assert!(begun.elapsed() < BOUND, "session {n} was hidden by its copy");
            tokio::task::yield_now().await;
        }
        slowest = slowest.max(begun.elapsed());
    }
    println!("{SESSIONS} sessions ended, the slowest seen after {slowest:?}");
}

async fn load(store: &Cached, n: u64) -> Result<Option<Stored>, Error> {
    let loaded = store.load(Load::new(namespace(), id(n))).await;
    if let Err(error) = &loaded {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    loaded
}

/// Waits for something that others do.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    let mut asking = tokio::time::interval(Duration::from_millis(10));
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited for {what}");
        asking.tick().await;
    }
}
