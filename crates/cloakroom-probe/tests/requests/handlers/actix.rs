//! The handlers on actix-web.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{ServiceConfig, get, post};
use actix_web::{HttpResponse, Result};
use cloakroom::{Error, Key, Session};

const KEY: Key<String> = Key::new("key");
const OTHER: Key<String> = Key::new("other");

/// Routes that the suite adds to the probe's.
pub(crate) fn handlers(app: &mut ServiceConfig) {
    app.route("/clear", post().to(clear))
        .route("/save-then-fail", post().to(save_then_fail))
        .route("/save", post().to(save))
        .route("/sign-in-then-fail", post().to(sign_in_then_fail))
        .route("/sign-out-then-fail", post().to(sign_out_then_fail))
        .route("/sign-out-then-set", post().to(sign_out_then_set))
        .route("/private", get().to(private))
        .route("/twice", post().to(twice))
        .route("/set-too-large", post().to(set_too_large));
}

async fn clear(session: Session) -> Result<HttpResponse, Error> {
    session.clear()?;
    Ok(HttpResponse::NoContent().finish())
}

async fn save(session: Session) -> Result<HttpResponse, Error> {
    session.set(KEY, &"saved".to_owned())?;
    session.save().await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn save_then_fail(session: Session) -> Result<HttpResponse, Error> {
    session.set(KEY, &"saved".to_owned())?;
    session.save().await?;
    session.set(OTHER, &"not saved".to_owned())?;
    Ok(HttpResponse::BadGateway().finish())
}

/// An error is a response like another: what counts is its status.
async fn sign_in_then_fail(session: Session) -> Result<HttpResponse> {
    session.sign_in("alice")?;
    Err(actix_web::error::ErrorInternalServerError("failed"))
}

async fn sign_out_then_fail(session: Session) -> Result<HttpResponse> {
    session.sign_out().await?;
    Err(actix_web::error::ErrorInternalServerError("failed"))
}

async fn sign_out_then_set(session: Session) -> Result<HttpResponse, Error> {
    session.sign_out().await?;
    session.set(KEY, &"begun anew".to_owned())?;
    Ok(HttpResponse::NoContent().finish())
}

async fn private(_session: Session) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, max-age=60"))
        .finish()
}

async fn twice(first: Session, second: Session) -> Result<String, Error> {
    first.set(KEY, &"one".to_owned())?;
    second.set(OTHER, &"session".to_owned())?;
    Ok(format!("{:?} {:?}", second.get(KEY)?, first.get(OTHER)?))
}

async fn set_too_large(session: Session) -> Result<HttpResponse, Error> {
    session.set(OTHER, &"fits".to_owned())?;
    session.set(KEY, &"x".repeat(2 << 20))?;
    Ok(HttpResponse::NoContent().finish())
}
