//! What becomes of futures that are dropped half way.

use super::*;

/// Polls a save until the store hangs, and drops it there.
pub(super) async fn drop_save(session: &Session) {
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
