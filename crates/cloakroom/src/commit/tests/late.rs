//! What comes too late: after the head, after the session.

use super::*;

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
