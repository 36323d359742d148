//! The axum extractor, and errors as responses.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
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
        tower::refusal::refusal(self.kind())
    }
}
