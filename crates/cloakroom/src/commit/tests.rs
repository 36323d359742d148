//! What becomes of changes when replies are lost, futures dropped, and neighbours faster.

mod clocks;
mod clones;
mod dropped;
mod ending;
mod everyone;
mod late;
mod lost_replies;
mod randomness;
mod reapplied;
mod scripted;
mod signing_in;
mod snapshots;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_store::{Count, ErrorKind as StoreErrorKind, Principal, Query, Store as _};

use crate::clock::Clock;
use crate::random::Random;
use crate::{Error, ErrorKind, Finished, Key, Outcome, Session, Sessions, SignIn};
use scripted::{Act, Scripted, Verb, nothing};

const N: Key<u64> = Key::new("n");
const NAME: Key<String> = Key::new("name");

/// One application over a scripted store, at a time that stands.
#[derive(Clone)]
struct App {
    store: Scripted,
    sessions: Sessions,
    time: Arc<AtomicU64>,
}

impl App {
    fn new() -> Self {
        Self::over(Scripted::default(), Arc::new(AtomicU64::new(1_800_000_000_000)))
    }

    fn over(store: Scripted, time: Arc<AtomicU64>) -> Self {
        let mut sessions = Sessions::new(store.clone());
        Arc::make_mut(&mut sessions.config).clock = Clock::Manual(Arc::clone(&time));
        Self {
            store,
            sessions,
            time,
        }
    }

    /// The same sessions, where nothing goes wrong.
    fn neighbour(&self) -> Self {
        Self::over(self.store.undisturbed(), Arc::clone(&self.time))
    }

    fn with(mut self, change: impl FnOnce(Sessions) -> Sessions) -> Self {
        self.sessions = change(self.sessions);
        self
    }

    fn random(mut self, fill: impl Fn(&mut [u8]) -> bool + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.sessions.config).random = Random::fake(move |bytes| {
            let failed = || Error::new(ErrorKind::Unavailable, "no randomness");
            if fill(bytes) { Ok(()) } else { Err(failed()) }
        });
        self
    }

    fn wait(&self, duration: Duration) {
        self.time.fetch_add(duration.as_millis() as u64, Ordering::SeqCst);
    }

    /// A request with this cookie, as far as the handler.
    async fn open(&self, cookie: &str) -> Session {
        self.sessions.open([cookie.as_bytes()].into_iter()).await.unwrap()
    }

    async fn finish(&self, session: &Session) -> Finished {
        self.sessions.finish(session, Outcome::Success).await
    }

    /// Ends a request that succeeds: the cookie the browser has afterwards.
    async fn done(&self, session: &Session, cookie: &str) -> String {
        let finished = self.finish(session).await;
        finished.result.unwrap();
        match finished.set_cookie {
            Some(line) => pair(&line),
            None => cookie.to_owned(),
        }
    }

    /// A whole request: the cookie the browser has afterwards.
    async fn request(&self, cookie: &str, handler: impl FnOnce(&Session)) -> String {
        let session = self.open(cookie).await;
        handler(&session);
        self.done(&session, cookie).await
    }

    /// A browser with a session in which `N` is 1.
    async fn begun(&self) -> String {
        let cookie = self
            .neighbour()
            .request("", |session| session.set(N, &1).unwrap())
            .await;
        assert!(cookie.len() > 64, "it has got a cookie: {cookie}");
        cookie
    }

    async fn signed_in(&self, who: &str) -> String {
        let cookie = self.begun().await;
        self.neighbour()
            .request(&cookie, |session| session.sign_in(who).unwrap())
            .await
    }

    async fn n(&self, cookie: &str) -> Option<u64> {
        self.neighbour().open(cookie).await.get(N).unwrap()
    }

    async fn who(&self, cookie: &str) -> Option<String> {
        let principal = self.neighbour().open(cookie).await.principal();
        principal.map(|principal| principal.as_str().to_owned())
    }

    async fn count(&self, query: Query) -> u64 {
        let count = Count::new(self.sessions.namespace().clone(), query);
        self.store.count(count).await.unwrap()
    }
}

fn pair(line: &str) -> String {
    line.split(';').next().unwrap_or_default().to_owned()
}

fn add_one(session: &Session) {
    session.update(N, |n| n.unwrap_or(0) + 1).unwrap();
}

fn of(who: &str) -> Query {
    Query::default().principal(Principal::new(who).unwrap())
}
