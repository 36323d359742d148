//! From axum-login, with the backend of an application.

use std::convert::Infallible;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_login::{AuthSession, AuthUser, AuthnBackend};
use cloakroom::{Error, SignIn};

/// A user of an application.
#[derive(Debug, Clone)]
pub struct User {
    pub id: i64,
    pub password_hash: String,
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.password_hash.as_bytes()
    }
}

/// All users there are.
#[derive(Debug, Clone)]
pub struct Backend(pub Vec<User>);

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = i64;
    type Error = Infallible;

    async fn authenticate(&self, id: i64) -> Result<Option<User>, Infallible> {
        self.get_user(&id).await
    }

    async fn get_user(&self, id: &i64) -> Result<Option<User>, Infallible> {
        Ok(self.0.iter().find(|user| user.id == *id).cloned())
    }
}

/// Takes an old session over, once: the next request brings our cookie, and not theirs.
pub async fn carry_over(
    mut old: AuthSession<Backend>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let Some(user) = &old.user else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let session = cloakroom::tower::session(&parts).await?;
    if session.principal().is_none() {
        // With the credentials: where `Users` asks for them, a session that has none is signed out.
        session.sign_in(SignIn::new(user.id().to_string()).credentials(user.session_auth_hash()))?;
        // Ours is written before theirs ends, so a store that is down signs nobody out.
        session.save().await?;
    }
    if old.logout().await.is_err() {
        return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response());
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}
