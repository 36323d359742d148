//! Changes that cannot be applied to what another request has written meanwhile.

use super::*;

/// The same key, for a release in which its values had another type.
const N_AS_TEXT: Key<String> = Key::new("n");

/// What a neighbour writes, after which `add_one` cannot be applied.
async fn overtaken(app: &App, cookie: &str) -> Session {
    let session = app.open(cookie).await;
    add_one(&session);
    app.neighbour()
        .request(cookie, |session| {
            session.set(N_AS_TEXT, &"two".to_owned()).unwrap();
            session.set(NAME, &"neighbour".to_owned()).unwrap();
        })
        .await;
    session
}

async fn is_as_the_neighbour_wrote_it(app: &App, cookie: &str) {
    let session = app.neighbour().open(cookie).await;
    assert_eq!(session.get(N_AS_TEXT).unwrap().as_deref(), Some("two"));
    assert_eq!(session.get(NAME).unwrap().as_deref(), Some("neighbour"));
}

#[tokio::test]
async fn they_overwrite_nothing_however_often_it_is_tried() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = overtaken(&app, &cookie).await;
    for _ in 0..3 {
        assert_eq!(session.save().await.unwrap_err().kind(), ErrorKind::Decode);
        is_as_the_neighbour_wrote_it(&app, &cookie).await;
    }
    // A handler that answers with a page of its own, and a success.
    let finished = app.finish(&session).await;
    assert_eq!(finished.result.unwrap_err().kind(), ErrorKind::Decode);
    is_as_the_neighbour_wrote_it(&app, &cookie).await;
}

#[tokio::test]
async fn nor_after_the_session_was_asked_for() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = overtaken(&app, &cookie).await;
    assert_eq!(session.confirm().await.unwrap_err().kind(), ErrorKind::Decode);
    session.set(NAME, &"late".to_owned()).unwrap();
    assert!(app.finish(&session).await.result.is_err());
    is_as_the_neighbour_wrote_it(&app, &cookie).await;
}

#[tokio::test]
async fn without_them_the_request_goes_on() {
    let app = App::new();
    let cookie = app.begun().await;
    let session = overtaken(&app, &cookie).await;
    assert!(session.save().await.is_err());
    let finished = app.sessions.finish(&session, Outcome::ServerError).await;
    assert!(finished.result.is_ok());
    is_as_the_neighbour_wrote_it(&app, &cookie).await;
    session.set(NAME, &"late".to_owned()).unwrap();
    session.save().await.unwrap();
    assert_eq!(
        app.neighbour().open(&cookie).await.get(NAME).unwrap().as_deref(),
        Some("late")
    );
}
