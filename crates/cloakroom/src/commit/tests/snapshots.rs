//! The hybrid strategy: what the store said a moment ago comes along in a second cookie.

mod believed;
mod revoked;

use std::time::Duration;

use cloakroom_store::Timestamp;

use super::scripted::{Scripted, Verb};
use super::{App, N, add_one, pair};
use crate::{KeyRing, Keys, Outcome, Policy, ServerKey, Session};

const FRESH: Duration = Duration::from_secs(10);

/// One browser, and the two cookies it has.
struct Browser {
    app: App,
    session: String,
    snapshot: String,
}

fn keys() -> KeyRing {
    KeyRing::new(ServerKey::numbered(0x55))
}

fn hybrid() -> App {
    App::new().with(|sessions| sessions.snapshots(keys(), None))
}

/// Another node over the same store, where nothing goes wrong: it knows nothing of what this one has ended.
fn other_node(app: &App) -> App {
    app.neighbour().with(|sessions| sessions.snapshots(keys(), FRESH))
}

impl Browser {
    /// One that is signed in, and has a fresh snapshot.
    async fn signed_in(app: App) -> Self {
        let mut browser = Self {
            app,
            session: String::new(),
            snapshot: String::new(),
        };
        browser
            .request(|session| {
                session.set(N, &1).unwrap();
                session.sign_in("alice").unwrap();
            })
            .await;
        // What a node has just given another token, it believes no snapshot of: one more look.
        browser.app.wait(Duration::from_millis(1));
        browser.n().await;
        assert!(!browser.snapshot.is_empty());
        browser.app.store.asked();
        browser
    }

    fn copied(&self) -> Self {
        Self {
            app: self.app.clone(),
            session: self.session.clone(),
            snapshot: self.snapshot.clone(),
        }
    }

    async fn open(&self) -> Session {
        let line = format!("{}; {}", self.session, self.snapshot);
        let lines = [line.as_bytes()];
        self.app.sessions.open(lines.into_iter()).await.unwrap()
    }

    async fn done(&mut self, session: &Session) {
        let finished = self.app.sessions.finish(session, Outcome::Success).await;
        finished.result.unwrap();
        for (cookie, line) in [
            (&mut self.session, finished.set_cookie),
            (&mut self.snapshot, finished.set_snapshot),
        ] {
            if let Some(line) = line {
                *cookie = if line.contains("Max-Age=0") {
                    String::new()
                } else {
                    pair(&line)
                };
            }
        }
    }

    async fn request(&mut self, handler: impl FnOnce(&Session)) {
        let session = self.open().await;
        handler(&session);
        self.done(&session).await;
    }

    async fn n(&mut self) -> Option<u64> {
        let session = self.open().await;
        let n = session.get(N).unwrap();
        self.done(&session).await;
        n
    }

    fn asked(&self) -> Vec<Verb> {
        self.app.store.asked()
    }
}

#[tokio::test]
async fn while_a_snapshot_is_fresh_reading_asks_no_store() {
    let mut browser = Browser::signed_in(hybrid()).await;
    for _ in 0..10 {
        assert_eq!(browser.n().await, Some(1));
    }
    assert_eq!(browser.asked(), []);
    browser.app.wait(FRESH);
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), [Verb::Load]);
    // A visitor without one, and one with somebody else's.
    browser.snapshot = Browser::signed_in(browser.app.clone()).await.snapshot;
    browser.asked();
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), [Verb::Load]);
}

#[tokio::test]
async fn a_write_goes_through_the_store_and_brings_its_snapshot() {
    let mut browser = Browser::signed_in(hybrid()).await;
    browser.request(add_one).await;
    assert_eq!(browser.asked(), [Verb::Write]);
    assert_eq!(browser.n().await, Some(2));
    assert_eq!(browser.asked(), []);
}

#[tokio::test]
async fn a_write_that_was_stale_merges() {
    let mut browser = Browser::signed_in(hybrid()).await;
    let mut elsewhere = browser.copied();
    elsewhere.request(add_one).await;
    browser.asked();
    // Its snapshot is from before: refused, loaded, applied again.
    browser.request(add_one).await;
    assert_eq!(browser.asked(), [Verb::Write, Verb::Load, Verb::Write]);
    assert_eq!(browser.n().await, Some(3));
}

#[tokio::test]
async fn an_ending_is_effective_at_once_where_it_happened_and_soon_elsewhere() {
    for how in 0..4 {
        let mut browser = Browser::signed_in(hybrid()).await;
        let mut thief = browser.copied();
        let mut elsewhere = Browser {
            app: other_node(&browser.app),
            ..browser.copied()
        };
        let session = browser.open().await;
        match how {
            0 => session.sign_out().await.unwrap(),
            1 => drop(session.sign_out_everywhere().await.unwrap()),
            2 => session.rotate().unwrap(),
            _ => session.sign_in("alice").unwrap(),
        }
        browser.done(&session).await;
        assert_eq!(thief.n().await, None, "{how}");
        assert_eq!(elsewhere.n().await, Some(1), "{how}");
        // Whoever must know asks.
        assert!(!elsewhere.open().await.confirm().await.unwrap(), "{how}");
        browser.app.wait(FRESH);
        assert_eq!(elsewhere.n().await, None, "{how}");
        if how >= 2 {
            assert_eq!(browser.n().await, Some(1), "{how}");
        } else {
            assert_eq!(
                (browser.session, browser.snapshot),
                (String::new(), String::new())
            );
        }
    }
}

#[tokio::test]
async fn a_snapshot_that_comes_late_is_nobodys() {
    let mut browser = Browser::signed_in(hybrid()).await;
    let late = browser.snapshot.clone();
    browser.request(|session| session.sign_in("alice").unwrap()).await;
    browser.request(add_one).await;
    browser.snapshot = late;
    assert_eq!(browser.n().await, Some(2));
}

#[tokio::test]
async fn what_was_ended_for_everyone_is_not_in_a_snapshot_here() {
    let mut browser = Browser::signed_in(hybrid()).await;
    browser.app.sessions.end_everyone().await.unwrap();
    assert_eq!(browser.n().await, None);
    // What is begun right afterwards is, when no node can have taken it before.
    let mut browser = Browser::signed_in(browser.app).await;
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), [Verb::Load]);
    browser.app.wait(Duration::from_secs(6));
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), [Verb::Load]);
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), []);
}

#[tokio::test]
async fn a_session_without_room_in_a_cookie_is_read_from_the_store() {
    let mut browser = Browser::signed_in(hybrid()).await;
    browser
        .request(|session| session.set(super::NAME, &"x".repeat(4000)).unwrap())
        .await;
    browser.asked();
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), [Verb::Load]);
}

#[tokio::test]
async fn a_rotation_of_what_a_snapshot_said_leaves_the_secret_before_its_grace() {
    let minute = Some(Duration::from_secs(60));
    let policy = Policy::default().rotate_every(minute).unwrap();
    let mut browser = Browser::signed_in(hybrid().with(|sessions| sessions.policy(policy))).await;
    let token = browser.session.clone();
    while browser.session == token {
        browser.app.wait(Duration::from_secs(9));
        browser.asked();
        browser.n().await;
    }
    let asked = browser.asked();
    assert_eq!(asked, [Verb::Write], "it was opened from a snapshot");
    let mut before = Browser {
        session: token,
        snapshot: String::new(),
        ..browser.copied()
    };
    assert_eq!(before.n().await, Some(1));
    browser.snapshot.clear();
    assert_eq!(browser.n().await, Some(1));
}

#[tokio::test]
async fn a_compromised_key_of_the_store_is_refused_at_once() {
    let ring = KeyRing::new(ServerKey::numbered(1));
    let mut browser = Browser::signed_in(hybrid().with(|sessions| sessions.keys(ring.clone()))).await;
    let mut keys = Keys::new(ServerKey::numbered(2), Timestamp::from_unix_millis(1));
    let compromised = keys
        .add(ServerKey::numbered(1), Timestamp::from_unix_millis(2))
        .unwrap();
    ring.replace(keys.clone()).unwrap();
    assert_eq!(browser.n().await, Some(1));
    assert_eq!(browser.asked(), []);
    keys.compromise(
        compromised,
        ServerKey::numbered(3),
        Timestamp::from_unix_millis(3),
    )
    .unwrap();
    ring.replace(keys).unwrap();
    assert_eq!(browser.n().await, None);
}

#[tokio::test]
async fn a_touch_that_is_due_is_not_left_out() {
    let mut browser = Browser::signed_in(hybrid()).await;
    // 5 % of the idle timeout of half an hour, in steps in which the snapshot is renewed.
    for _ in 0..10 {
        browser.app.wait(Duration::from_secs(9));
        browser.n().await;
    }
    let asked = browser.asked();
    assert_eq!(
        asked.iter().filter(|verb| **verb == Verb::Touch).count(),
        1,
        "{asked:?}"
    );
    let _: &Scripted = &browser.app.store;
}

#[tokio::test]
async fn who_has_the_servers_key_makes_a_snapshot_that_is_read_and_never_written() {
    // The forger runs this very program over a store of their own, with the stolen key.
    let forged = Browser::signed_in(hybrid()).await;
    let mut here = Browser {
        app: hybrid(),
        ..forged.copied()
    };
    here.app.wait(Duration::from_millis(1));
    let session = here.open().await;
    assert_eq!(session.principal().unwrap().as_str(), "alice");
    assert_eq!(
        here.asked(),
        [],
        "this is what the guide `security_model` warns of"
    );
    assert!(!session.confirm().await.unwrap());

    let session = here.open().await;
    session.set(N, &2).unwrap();
    here.done(&session).await;
    // The write found no session, and took the snapshot away.
    assert!(here.open().await.principal().is_none());
}
