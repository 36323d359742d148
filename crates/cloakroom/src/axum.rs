//! The axum extractor, and errors as responses.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;

use crate::{Error, Session, events, tower};

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        tower::session(parts).await
    }
}

impl IntoResponse for Error {
    /// Tells the client the kind, and the log the story.
    fn into_response(self) -> Response {
        events::failed(&self);
        let mut response: Response = tower::refusal::refusal(self.kind());
        if let Some(challenge) = self.challenge() {
            let challenge = HeaderValue::try_from(challenge).expect("a challenge is visible ASCII");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
