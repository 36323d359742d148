//! The axum extractors, and errors as responses.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;

use crate::adapter::sign_in::AsksForSignIn;
use crate::{Error, Session, User, events, tower};

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        tower::session(parts).await
    }
}

impl<S: Sync, T: Send + Sync + 'static> FromRequestParts<S> for User<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let user = tower::session(parts).await?.user().await?;
        user.ok_or_else(Error::not_signed_in)
    }
}

impl<S: Sync, T: Send + Sync + 'static> OptionalFromRequestParts<S> for User<T> {
    type Rejection = Error;

    /// Nobody is signed in: a value. Nobody can say who is: an error.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Error> {
        tower::session(parts).await?.user().await
    }
}

impl IntoResponse for Error {
    /// Tells the client the kind, and the log the story.
    fn into_response(self) -> Response {
        events::failed(&self);
        let mut response: Response = tower::refusal::refusal(self.kind());
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge() {
            let challenge = HeaderValue::try_from(challenge).expect("a challenge is visible ASCII");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            response.extensions_mut().insert(AsksForSignIn);
        }
        response
    }
}
