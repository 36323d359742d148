//! The handlers on axum.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use cloakroom::{Error, Key, Session, Sessions};

const KEY: Key<String> = Key::new("key");
const OTHER: Key<String> = Key::new("other");

/// Routes that the suite adds to the probe's.
pub(crate) fn handlers(sessions: &Sessions) -> Router {
    Router::new()
        .route("/clear", post(clear))
        .route("/save-then-fail", post(save_then_fail))
        .route("/save", post(save))
        .route("/sign-in-then-fail", post(sign_in_then_fail))
        .route("/sign-out-then-fail", post(sign_out_then_fail))
        .route("/sign-out-then-set", post(sign_out_then_set))
        .route("/private", get(private))
        .route("/twice", post(twice))
        .route("/set-too-large", post(set_too_large))
        .layer(sessions.layer())
}

async fn clear(session: Session) -> Result<StatusCode, Error> {
    session.clear()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn save(session: Session) -> Result<StatusCode, Error> {
    session.set(KEY, &"saved".to_owned())?;
    session.save().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn save_then_fail(session: Session) -> Result<StatusCode, Error> {
    session.set(KEY, &"saved".to_owned())?;
    session.save().await?;
    session.set(OTHER, &"not saved".to_owned())?;
    Ok(StatusCode::BAD_GATEWAY)
}

async fn sign_in_then_fail(session: Session) -> Result<StatusCode, Error> {
    session.sign_in("alice")?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn sign_out_then_fail(session: Session) -> Result<StatusCode, Error> {
    session.sign_out().await?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn sign_out_then_set(session: Session) -> Result<StatusCode, Error> {
    session.sign_out().await?;
    session.set(KEY, &"begun anew".to_owned())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn private(_session: Session) -> impl IntoResponse {
    [(CACHE_CONTROL, "private, max-age=60")]
}

async fn twice(first: Session, second: Session) -> Result<String, Error> {
    first.set(KEY, &"one".to_owned())?;
    second.set(OTHER, &"session".to_owned())?;
    Ok(format!("{:?} {:?}", second.get(KEY)?, first.get(OTHER)?))
}

async fn set_too_large(session: Session) -> Result<StatusCode, Error> {
    session.set(OTHER, &"fits".to_owned())?;
    session.set(KEY, &"x".repeat(2 << 20))?;
    Ok(StatusCode::NO_CONTENT)
}
