//! The app, with sessions of tower-sessions. The peers compile it too, with the release that has stores on a server.

use axum::Router;
use axum::routing::{get, post};
use harness::data;
use tower_sessions::Session;
use tower_sessions::session::Error;

pub(super) fn app() -> Router {
    Router::new()
        .route("/begin", post(begin))
        .route("/unused", get(async || "nothing"))
        .route("/read", get(read))
        .route("/write", post(write))
        .route("/sign-in", post(sign_in))
}

async fn begin(session: Session) -> &'static str {
    session.insert("user_id", data::USER).await.expect("a value");
    session.insert("email", data::EMAIL).await.expect("a value");
    session.insert("csrf", data::CSRF).await.expect("a value");
    session.insert("theme", data::THEME).await.expect("a value");
    session
        .insert("counter", data::next_count())
        .await
        .expect("a value");
    "begun"
}

async fn read(session: Session) -> String {
    let user: Result<Option<String>, Error> = session.get("user_id").await;
    user.expect("a text").unwrap_or_default()
}

async fn write(session: Session) -> &'static str {
    session
        .insert("counter", data::next_count())
        .await
        .expect("a value");
    "written"
}

async fn sign_in(session: Session) -> &'static str {
    session.cycle_id().await.expect("a session");
    session
        .insert("user_id", data::next_user())
        .await
        .expect("a value");
    "signed in"
}
