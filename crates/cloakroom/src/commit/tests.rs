//! What becomes of changes when replies are lost, futures dropped, and neighbours faster.

mod clocks;
mod everyone;
mod scripted;

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

// Lost replies.

#[tokio::test(start_paused = true)]
async fn a_session_whose_creation_was_not_answered_is_begun_once() {
    for lose in [Act::LoseReply(nothing()), Act::HangAfterwards] {
        let app = App::new();
        app.store.on(Verb::Write, lose);
        let cookie = app.request("", add_one).await;
        assert_eq!(app.n(&cookie).await, Some(1));
        assert_eq!(app.count(Query::default()).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_creation_never_arrived_is_begun_once() {
    for lose in [Act::LoseRequest(StoreErrorKind::Unavailable), Act::Hang] {
        let app = App::new();
        app.store.on(Verb::Write, lose);
        let cookie = app.request("", add_one).await;
        assert_eq!(app.n(&cookie).await, Some(1));
        assert_eq!(app.count(Query::default()).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_begun_again_is_sealed_under_the_same_key() {
    /// Where a body without earlier tags has its wrapped session key, see `envelope/layout.rs`.
    const WRAPPED: std::ops::Range<usize> = 91..123;
    let app = App::new();
    app.store
        .on(Verb::Write, Act::LoseRequest(StoreErrorKind::Unavailable));
    app.request("", add_one).await;
    let sent = app.store.sent();
    let [lost, again] = &sent[..] else {
        panic!("expected two writes: {sent:?}");
    };
    assert_eq!(lost.id, again.id);
    // Another key under what wraps this one would tell how the two differ.
    assert_eq!(lost.record.body[WRAPPED], again.record.body[WRAPPED]);
    assert_ne!(lost.record.body, again.record.body, "sealed with another nonce");
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_answer_was_lost_is_applied_once() {
    for lose in [
        Act::LoseReply(nothing()),
        Act::HangAfterwards,
        Act::LoseRequest(StoreErrorKind::Unavailable),
        Act::Hang,
    ] {
        let app = App::new();
        let cookie = app.begun().await;
        app.store.on(Verb::Write, lose);
        assert_eq!(app.request(&cookie, add_one).await, cookie, "no cookie is sent");
        assert_eq!(app.n(&cookie).await, Some(2));
    }
}

#[tokio::test(start_paused = true)]
async fn neighbours_that_write_in_between_hide_no_lost_answer() {
    let app = App::new();
    let cookie = app.begun().await;
    let (neighbour, same) = (app.neighbour(), cookie.clone());
    let meanwhile = async move {
        for _ in 0..5 {
            neighbour.request(&same, add_one).await;
        }
    };
    app.store.on(Verb::Write, Act::LoseReply(Box::pin(meanwhile)));
    app.request(&cookie, add_one).await;
    assert_eq!(app.n(&cookie).await, Some(7));
}

#[tokio::test(start_paused = true)]
async fn the_cookie_is_that_of_the_attempt_that_landed() {
    let rotate = |session: &Session| session.rotate().unwrap();
    let sign_in = |session: &Session| session.sign_in("alice").unwrap();
    for handler in [rotate, sign_in] {
        for script in [
            vec![Act::LoseReply(nothing())],
            vec![
                Act::LoseRequest(StoreErrorKind::Unavailable),
                Act::LoseReply(nothing()),
            ],
            vec![Act::Hang, Act::HangAfterwards],
        ] {
            let app = App::new();
            let cookie = app.begun().await;
            script.into_iter().for_each(|act| {
                app.store.on(Verb::Write, act);
            });
            let new = app.request(&cookie, handler).await;
            assert_ne!(new, cookie);
            assert_eq!(app.n(&new).await, Some(1));
            assert_eq!(app.n(&cookie).await, None, "the old token is dead");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_is_settled_when_it_is_over() {
    let app = App::new();
    let cookie = app.begun().await;
    app.store
        .on(Verb::Write, Act::LoseReply(nothing()))
        .on(Verb::Load, Act::LoseRequest(StoreErrorKind::Unavailable))
        .on(Verb::Load, Act::Hang);
    // The first load of the script is the one of the handler: it has the session already.
    let session = app.neighbour().open(&cookie).await;
    let session = Session::new(Arc::clone(&app.sessions.config), take(&session));
    add_one(&session);
    app.done(&session, &cookie).await;
    assert_eq!(app.n(&cookie).await, Some(2));
}

/// What a request has loaded, for another request.
fn take(session: &Session) -> crate::state::State {
    std::mem::take(&mut *session.0.state())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_an_error_after_a_bounded_time() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    for _ in 0..1000 {
        app.store.on(Verb::Write, Act::Hang).on(Verb::Load, Act::Hang);
    }
    add_one(&session);
    let before = tokio::time::Instant::now();
    let finished = app.finish(&session).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(finished.set_cookie.is_none(), "nobody is signed out");
    assert!(
        before.elapsed() <= Duration::from_secs(12),
        "{:?}",
        before.elapsed()
    );
    assert!(app.store.asked().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn neighbours_that_never_stop_are_an_error_after_a_bounded_time() {
    let app = App::new();
    let cookie = app.begun().await;
    for _ in 0..10_000 {
        let (neighbour, cookie) = (app.neighbour(), cookie.clone());
        let faster = async move {
            neighbour.request(&cookie, add_one).await;
        };
        app.store.on(Verb::Write, Act::After(Box::pin(faster)));
    }
    let session = app.open(&cookie).await;
    add_one(&session);
    let before = tokio::time::Instant::now();
    let finished = app.finish(&session).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(
        before.elapsed() <= Duration::from_secs(8),
        "{:?}",
        before.elapsed()
    );
    assert!(app.store.asked().len() < 1000, "it backs off");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_may_take_for_ever_is_no_panic() {
    let app = App::new().with(|sessions| sessions.store_timeout(Duration::MAX));
    app.store
        .on(Verb::Write, Act::LoseRequest(StoreErrorKind::Unavailable));
    let cookie = app.request("", add_one).await;
    assert_eq!(app.n(&cookie).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_touch_that_fails_fails_no_request() {
    for act in [Act::LoseRequest(StoreErrorKind::Unavailable), Act::Hang] {
        let app = App::new();
        let cookie = app.begun().await;
        app.wait(Duration::from_secs(600));
        app.store.on(Verb::Touch, act);
        let session = app.open(&cookie).await;
        let finished = app.finish(&session).await;
        assert!(finished.result.is_ok() && finished.set_cookie.is_none());
        assert_eq!(app.store.asked(), [Verb::Load, Verb::Touch]);
    }
}

// Randomness.

#[tokio::test]
async fn an_id_that_is_taken_is_drawn_again() {
    // The first session, and the first attempt at a second one, draw the same.
    let drawn = AtomicUsize::new(0);
    let app = App::new().random(move |bytes| {
        let n = drawn.fetch_add(1, Ordering::SeqCst);
        bytes.fill(n.max(1) as u8);
        true
    });
    let first = app.request("", add_one).await;
    let second = app.request("", |session| session.set(N, &7).unwrap()).await;
    assert_ne!(first, second);
    assert_eq!((app.n(&first).await, app.n(&second).await), (Some(1), Some(7)));
}

#[tokio::test]
async fn without_randomness_there_is_no_session_and_no_cookie() {
    let app = App::new().random(|_| false);
    let session = app.open("").await;
    session.sign_in("alice").unwrap();
    let finished = app.finish(&session).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(finished.set_cookie.is_none());
    assert_eq!(app.store.asked(), []);
    // Reading needs none.
    let session = app.open("").await;
    assert!(app.finish(&session).await.result.is_ok());
}

// Futures that are dropped.

/// Polls a save until the store hangs, and drops it there.
async fn drop_save(session: &Session) {
    let saved = tokio::time::timeout(Duration::from_millis(100), session.save()).await;
    assert!(saved.is_err(), "the save hangs");
}

#[tokio::test(start_paused = true)]
async fn a_save_that_was_dropped_is_applied_once() {
    for hang in [|| Act::Hang, || Act::HangAfterwards] {
        for begins in [true, false] {
            let app = App::new();
            let cookie = if begins { String::new() } else { app.begun().await };
            app.store.on(Verb::Write, hang());
            let session = app.open(&cookie).await;
            add_one(&session);
            drop_save(&session).await;
            let cookie = app.done(&session, &cookie).await;
            assert_eq!(app.n(&cookie).await, Some(if begins { 1 } else { 2 }));
            assert_eq!(app.count(Query::default()).await, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_was_dropped_while_it_found_out_is_applied_once() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    app.store
        .on(Verb::Write, Act::LoseReply(nothing()))
        .on(Verb::Load, Act::Hang);
    add_one(&session);
    drop_save(&session).await;
    app.done(&session, &cookie).await;
    assert_eq!(app.n(&cookie).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_was_dropped_hands_out_its_cookie() {
    let app = App::new();
    let cookie = app.begun().await;
    app.store.on(Verb::Write, Act::HangAfterwards);
    let session = app.open(&cookie).await;
    session.sign_in("alice").unwrap();
    drop_save(&session).await;
    let new = app.done(&session, &cookie).await;
    assert_eq!(app.who(&new).await.as_deref(), Some("alice"));
    assert_eq!(app.count(of("alice")).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_save_of_another_sign_in_ends_the_session_before() {
    for hang in [|| Act::Hang, || Act::HangAfterwards] {
        let app = App::new();
        let alice = app.signed_in("alice").await;
        app.store.on(Verb::Delete, hang());
        let session = app.open(&alice).await;
        session.sign_in("bob").unwrap();
        drop_save(&session).await;
        let bob = app.done(&session, &alice).await;
        assert_eq!(app.who(&bob).await.as_deref(), Some("bob"));
        assert_eq!(app.n(&bob).await, None);
        assert_eq!((app.count(of("alice")).await, app.who(&alice).await), (0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_after_a_dropped_save_leaves_the_session_whole() {
    let app = App::new();
    let cookie = app.begun().await;
    app.store.on(Verb::Write, Act::HangAfterwards);
    let session = app.open(&cookie).await;
    add_one(&session);
    drop_save(&session).await;
    let finished = app.sessions.finish(&session, Outcome::ServerError).await;
    assert!(finished.result.is_ok());
    // A clone of it goes on: what the dropped save wrote is there, and what comes now is not taken for it.
    session.set(NAME, &"late".to_owned()).unwrap();
    session.save().await.unwrap();
    assert_eq!(app.n(&cookie).await, Some(2));
    let read = app.neighbour().open(&cookie).await;
    assert_eq!(read.get(NAME).unwrap().as_deref(), Some("late"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_after_a_dropped_sign_in_locks_nobody_out() {
    let app = App::new();
    let cookie = app.begun().await;
    app.store.on(Verb::Write, Act::HangAfterwards);
    let session = app.open(&cookie).await;
    session.sign_in("alice").unwrap();
    drop_save(&session).await;
    let at_once = app.sessions.finish_at_once(&session, Outcome::ServerError);
    assert!(at_once.is_none(), "what became of it takes a look into the store");
    let finished = app.sessions.finish(&session, Outcome::ServerError).await;
    let new = pair(&finished.set_cookie.expect("the old token is dead"));
    assert_eq!(app.who(&new).await.as_deref(), Some("alice"));
}

// Clones.

#[tokio::test]
async fn what_a_clone_records_while_a_save_is_in_flight_is_not_lost() {
    type Record = fn(&Session);
    let cases: [(Record, Option<u64>); 5] = [
        (add_one, Some(3)),
        (|session| session.set(N, &9).unwrap(), Some(9)),
        (|session| session.remove(N).unwrap(), None),
        (|session| session.clear().unwrap(), None),
        (|session| session.rotate().unwrap(), Some(2)),
    ];
    for (record, expected) in cases {
        for refused in [false, true] {
            let app = App::new();
            let cookie = app.begun().await;
            let session = app.open(&cookie).await;
            add_one(&session);
            let clone = session.clone();
            if refused {
                let (neighbour, same) = (app.neighbour(), cookie.clone());
                let faster = async move {
                    neighbour
                        .request(&same, |s| s.set(NAME, &"x".to_owned()).unwrap())
                        .await;
                };
                app.store.on(Verb::Write, Act::After(Box::pin(faster)));
            }
            app.store
                .on(Verb::Write, Act::After(Box::pin(async move { record(&clone) })));
            session.save().await.unwrap();
            let new = app.done(&session, &cookie).await;
            assert_eq!(app.n(&new).await, expected, "refused: {refused}");
            let read = app.neighbour().open(&new).await;
            let name = read.get(NAME).unwrap();
            assert!(name.is_none() || refused);
        }
    }
}

#[tokio::test]
async fn a_failed_handler_drops_what_a_clone_recorded_and_keeps_what_was_saved() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    add_one(&session);
    let clone = session.clone();
    app.store.on(
        Verb::Write,
        Act::After(Box::pin(async move { clone.set(N, &9).unwrap() })),
    );
    session.save().await.unwrap();
    app.sessions
        .finish(&session, Outcome::ServerError)
        .await
        .result
        .unwrap();
    assert_eq!(session.get(N).unwrap(), Some(2));
    session.set(NAME, &"late".to_owned()).unwrap();
    session.save().await.unwrap();
    assert_eq!(app.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_sign_in_of_somebody_else_that_a_clone_records_begins_another_session() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    session.sign_in("alice").unwrap();
    let clone = session.clone();
    app.store.on(
        Verb::Write,
        Act::After(Box::pin(async move { clone.sign_in("bob").unwrap() })),
    );
    session.save().await.unwrap();
    let alices = session.id();
    assert_eq!(app.count(of("alice")).await, 1);
    let bob = app.done(&session, &cookie).await;
    assert_ne!(session.id(), alices);
    assert_eq!(app.who(&bob).await.as_deref(), Some("bob"));
    assert_eq!((app.n(&bob).await, app.count(of("alice")).await), (None, 0));
}

#[tokio::test]
async fn an_update_may_read_the_session() {
    let app = App::new();
    let cookie = app.begun().await;
    let (neighbour, same) = (app.neighbour(), cookie.clone());
    let faster = async move {
        neighbour.request(&same, add_one).await;
    };
    app.store.on(Verb::Write, Act::After(Box::pin(faster)));
    let session = app.open(&cookie).await;
    let clone = session.clone();
    let update = move |n: Option<u64>| {
        let _ = (clone.get(N), clone.principal(), clone.id(), clone.to_json());
        n.unwrap_or(0) + 1
    };
    session.update(N, update).unwrap();
    app.done(&session, &cookie).await;
    assert_eq!(app.n(&cookie).await, Some(3));
}

// After the end.

#[tokio::test]
async fn once_the_head_has_left_what_needs_a_cookie_is_too_late() {
    let check = async |cookie: &str, app: &App, change: fn(&Session), expected: Option<ErrorKind>| {
        let session = app.open(cookie).await;
        app.finish(&session).await.result.unwrap();
        change(&session);
        let saved = session.save().await;
        assert_eq!(saved.err().map(|error| error.kind()), expected);
    };
    let app = App::new();
    let cookie = app.begun().await;
    let late = Some(ErrorKind::TooLate);
    check(&cookie, &app, |s| s.sign_in("alice").unwrap(), late).await;
    check(&cookie, &app, |s| s.rotate().unwrap(), late).await;
    check(&cookie, &app, add_one, None).await;
    check("", &app, add_one, late).await;
    check("", &app, |s| s.clear().unwrap(), None).await;
    assert_eq!(app.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn late_changes_to_a_session_that_is_gone_are_dropped() {
    type Record = fn(&Session);
    let cases: [Record; 4] = [
        add_one,
        |session| session.set(N, &9).unwrap(),
        |session| session.clear().unwrap(),
        |session| session.rotate().unwrap(),
    ];
    for record in cases {
        let app = App::new();
        let cookie = app.begun().await;
        let session = app.open(&cookie).await;
        app.neighbour().open(&cookie).await.sign_out().await.unwrap();
        record(&session);
        let finished = app.finish(&session).await;
        assert!(finished.result.is_ok() && finished.set_cookie.is_none());
        assert_eq!(app.count(Query::default()).await, 0);
        // Also what comes after it is known.
        record(&session);
        session.save().await.unwrap();
        assert_eq!(app.count(Query::default()).await, 0);
    }
}

#[tokio::test]
async fn late_changes_to_a_session_that_expired_are_dropped() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    app.wait(Duration::from_secs(1800));
    add_one(&session);
    let finished = app.finish(&session).await;
    assert!(finished.result.is_ok() && finished.set_cookie.is_none());
    assert_eq!(app.store.asked(), [Verb::Load]);
}

#[tokio::test]
async fn after_a_sign_out_a_change_begins_another_session() {
    let app = App::new();
    let cookie = app.signed_in("alice").await;
    let session = app.open(&cookie).await;
    add_one(&session);
    session.sign_out().await.unwrap();
    assert_eq!((session.get(N).unwrap(), session.principal()), (None, None));
    session.set(N, &5).unwrap();
    let new = app.done(&session, &cookie).await;
    assert_eq!((app.n(&new).await, app.who(&new).await), (Some(5), None));
    assert_eq!((app.n(&cookie).await, app.count(of("alice")).await), (None, 0));
}

#[tokio::test]
async fn a_sign_out_that_came_too_late_begins_no_session() {
    // A neighbour ended it, or signed in.
    let neighbours: [fn(&Session); 1] = [|session| session.sign_in("alice").unwrap()];
    for signs_in in neighbours.map(Some).into_iter().chain([None]) {
        let app = App::new();
        let cookie = app.begun().await;
        let session = app.open(&cookie).await;
        let new = match signs_in {
            Some(handler) => app.neighbour().request(&cookie, handler).await,
            None => {
                app.neighbour().open(&cookie).await.sign_out().await.unwrap();
                cookie.clone()
            }
        };
        session.sign_out().await.unwrap();
        session.set(N, &5).unwrap();
        let finished = app.finish(&session).await;
        assert!(finished.result.is_ok() && finished.set_cookie.is_none());
        assert_eq!(app.who(&new).await.is_some(), signs_in.is_some());
    }
}

// Signing in to a session that is not there any more.

/// Makes the session of this cookie one that is not there for a request that has it already.
async fn take_away(app: &App, cookie: &str, how: usize) {
    match how {
        0 => app.neighbour().open(cookie).await.sign_out().await.unwrap(),
        1 => drop(app.neighbour().request(cookie, |s| s.rotate().unwrap()).await),
        2 => drop(
            app.neighbour()
                .request(cookie, |s| s.sign_in("carol").unwrap())
                .await,
        ),
        _ => app.wait(Duration::from_secs(1800)),
    }
}

#[tokio::test]
async fn signing_in_begins_anew_with_what_this_request_did_and_nothing_else() {
    for how in 0..4 {
        let app = App::new();
        let cookie = app
            .neighbour()
            .request("", |session| session.set(NAME, &"old".to_owned()).unwrap())
            .await;
        let session = app.open(&cookie).await;
        take_away(&app, &cookie, how).await;
        add_one(&session);
        session.sign_in(SignIn::new("alice").label("a")).unwrap();
        add_one(&session);
        let new = app.done(&session, &cookie).await;
        assert_ne!(new, cookie, "{how}");
        let read = app.neighbour().open(&new).await;
        assert_eq!(read.get(N).unwrap(), Some(2), "{how}");
        assert_eq!(read.get(NAME).unwrap(), None, "none of the old data: {how}");
        assert_eq!(app.who(&new).await.as_deref(), Some("alice"), "{how}");
        // It is a session like any other.
        session.set(N, &7).unwrap();
        session.save().await.unwrap();
        assert_eq!(app.n(&new).await, Some(7), "{how}");
    }
}

#[tokio::test]
async fn signing_in_with_a_token_that_was_rotated_away_keeps_what_this_request_did() {
    let app = App::new();
    let cookie = app.begun().await;
    take_away(&app, &cookie, 1).await;
    let session = app.open(&cookie).await;
    add_one(&session);
    session.sign_in("alice").unwrap();
    session.save().await.unwrap();
    add_one(&session);
    let new = app.done(&session, &cookie).await;
    assert_eq!(app.n(&new).await, Some(2));
    // Without a sign-in it is dropped, and its cookie left alone.
    let session = app.open(&cookie).await;
    add_one(&session);
    let finished = app.finish(&session).await;
    assert!(finished.result.is_ok() && finished.set_cookie.is_none());
}

#[tokio::test]
async fn what_was_done_as_one_user_is_not_taken_along_to_another() {
    for how in 0..4 {
        let app = App::new();
        let alice = app.signed_in("alice").await;
        let session = app.open(&alice).await;
        take_away(&app, &alice, how).await;
        session.set(NAME, &"alice's".to_owned()).unwrap();
        session.sign_in("bob").unwrap();
        add_one(&session);
        let bob = app.done(&session, &alice).await;
        let read = app.neighbour().open(&bob).await;
        assert_eq!(read.get(NAME).unwrap(), None, "{how}");
        assert_eq!(
            (app.n(&bob).await, app.who(&bob).await.as_deref()),
            (Some(1), Some("bob")),
            "{how}"
        );
    }
}

// Ending.

#[tokio::test(start_paused = true)]
async fn signing_out_also_ends_what_a_dropped_save_began() {
    for begins in [true, false] {
        let app = App::new();
        let cookie = if begins { String::new() } else { app.begun().await };
        let session = app.open(&cookie).await;
        app.store.on(Verb::Write, Act::HangAfterwards);
        session.sign_in("alice").unwrap();
        drop_save(&session).await;
        assert_eq!(app.count(of("alice")).await, 1);
        session.sign_out().await.unwrap();
        assert_eq!(app.count(Query::default()).await, 0, "begins: {begins}");
        let finished = app.finish(&session).await;
        assert!(
            finished
                .set_cookie
                .expect("it was ended here")
                .contains("Max-Age=0")
        );
    }
}

#[tokio::test]
async fn signing_out_everywhere_asks_the_store_twice() {
    let app = App::new();
    let cookie = app.signed_in("alice").await;
    app.signed_in("alice").await;
    let session = app.open(&cookie).await;
    app.store.asked();
    assert_eq!(session.sign_out_everywhere().await.unwrap(), 2);
    assert_eq!(app.store.asked(), [Verb::Revoke, Verb::Delete]);
    assert_eq!(app.count(Query::default()).await, 0);
}

#[tokio::test]
async fn signing_out_everywhere_spares_no_session_that_a_neighbour_signed_in() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    session.sign_in("alice").unwrap();
    app.neighbour()
        .request(&cookie, |s| s.sign_in("alice").unwrap())
        .await;
    assert_eq!(session.sign_out_everywhere().await.unwrap(), 1);
    assert_eq!(app.count(Query::default()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn signing_out_everywhere_can_be_tried_again() {
    for verb in [Verb::Revoke, Verb::Delete] {
        let app = App::new();
        let cookie = app.signed_in("alice").await;
        app.signed_in("alice").await;
        app.store.on(verb, Act::LoseRequest(StoreErrorKind::Unavailable));
        let session = app.open(&cookie).await;
        let error = session.sign_out_everywhere().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(app.finish(&session).await.set_cookie.is_none());
        let session = app.open(&cookie).await;
        session.sign_out_everywhere().await.unwrap();
        assert_eq!(app.count(Query::default()).await, 0);
    }
}

#[tokio::test]
async fn a_late_sign_out_of_nobody_ends_nobodys_login() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = app.open(&cookie).await;
    let alice = app
        .neighbour()
        .request(&cookie, |s| s.sign_in("alice").unwrap())
        .await;
    session.sign_out().await.unwrap();
    assert!(app.finish(&session).await.set_cookie.is_none());
    assert_eq!(app.who(&alice).await.as_deref(), Some("alice"));
}

mod snapshots;
