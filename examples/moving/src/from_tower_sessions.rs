//! From tower-sessions.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cloakroom::{Error, Key};

pub const CART: Key<Vec<u64>> = Key::new("cart");

/// Takes an old session over, once: the next request brings our cookie, and not theirs.
pub async fn carry_over(
    old: tower_sessions::Session,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    // No cookie of theirs: neither store is asked.
    if old.id().is_none() {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let session = cloakroom::tower::session(&parts).await?;
    if session.principal().is_none() {
        let (Ok(user), Ok(cart)) = (old.get::<String>("user").await, old.get("cart").await) else {
            return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response());
        };
        if let Some(user) = user {
            session.sign_in(user)?;
        }
        if let Some(cart) = cart {
            session.set(CART, &cart)?;
        }
        // Ours is written before theirs ends, so a store that is down signs nobody out.
        session.save().await?;
    }
    if old.flush().await.is_err() {
        return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response());
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}
