//! What went wrong in a handler: the log learns it, and the client only that something did.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::accounts::Failure;

pub struct Problem(Failure);

impl<E: Into<Failure>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self.0.downcast::<cloakroom::Error>() {
            // It knows its status, and what a browser is asked for that has to sign in.
            Ok(error) => error.into_response(),
            Err(error) => {
                tracing::error!(error, "a request failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
