//! What becomes of changes whose replies are lost.

use super::*;

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
