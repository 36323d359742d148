//! Signing in to a session that is not there any more.

use super::*;

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
