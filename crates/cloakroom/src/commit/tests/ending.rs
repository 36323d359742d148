//! Ending sessions beside requests that are not done with them.

use super::dropped::drop_save;
use super::*;

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
async fn signing_out_everywhere_spares_no_session_that_may_have_begun_while_the_store_failed() {
    let app = App::new();
    let cookie = app.signed_in("alice").await;
    let session = app.open(&cookie).await;
    let (neighbour, same) = (app.neighbour(), cookie.clone());
    let meanwhile = async move {
        let bob = neighbour.request(&same, |s| s.sign_in("bob").unwrap()).await;
        neighbour.request(&bob, |s| s.sign_in("alice").unwrap()).await;
    };
    app.store
        .on(Verb::Delete, Act::LoseRequest(StoreErrorKind::Unavailable))
        .on(Verb::Delete, Act::After(Box::pin(meanwhile)));
    session.sign_out_everywhere().await.unwrap();
    assert_eq!(app.count(Query::default()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn signing_out_is_done_though_an_answer_was_lost() {
    for lose in [
        Act::LoseRequest(StoreErrorKind::Unavailable),
        Act::LoseReply(nothing()),
        Act::Hang,
        Act::HangAfterwards,
    ] {
        let app = App::new();
        let cookie = app.signed_in("alice").await;
        let session = app.open(&cookie).await;
        app.store.on(Verb::Delete, lose);
        session.sign_out().await.unwrap();
        assert_eq!(app.count(Query::default()).await, 0);
        let line = app.finish(&session).await.set_cookie;
        assert!(line.expect("it was ended here").contains("Max-Age=0"));
    }
}

#[tokio::test(start_paused = true)]
async fn signing_out_everywhere_can_be_tried_again() {
    for verb in [Verb::Revoke, Verb::Delete] {
        let app = App::new();
        let cookie = app.signed_in("alice").await;
        app.signed_in("alice").await;
        for _ in 0..100 {
            app.store.on(verb, Act::LoseRequest(StoreErrorKind::Unavailable));
        }
        let session = app.open(&cookie).await;
        let error = session.sign_out_everywhere().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(app.finish(&session).await.set_cookie.is_none());
        let app = app.neighbour();
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
