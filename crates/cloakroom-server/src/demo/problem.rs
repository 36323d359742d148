//! What went wrong in a handler, as a response. The page to it is put on by [`dress`](super::dress).

use std::error::Error;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

/// Why a handler could not answer. Somebody who was wrong about a password is no problem, but a page.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Too many passwords are being hashed already.
    Busy,
    /// A fault of ours or of the disk: the log says which, the page does not.
    Internal(Box<dyn Error + Send + Sync>),
    /// There is no such thing.
    NotFound,
    /// The session could not be read or changed.
    Session(cloakroom::Error),
}

impl Problem {
    pub(crate) fn internal(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<cloakroom::Error> for Problem {
    fn from(error: cloakroom::Error) -> Self {
        Self::Session(error)
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response(),
            Self::Internal(error) => {
                tracing::error!(error = &*error as &dyn Error, "a request failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Session(error) => error.into_response(),
        }
    }
}
