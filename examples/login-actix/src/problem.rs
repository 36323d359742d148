//! What went wrong in a handler: the log learns it, and the client only that something did.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::accounts::Failure;

#[derive(Debug)]
pub struct Problem(Failure);

impl<E: Into<Failure>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl ResponseError for Problem {
    fn error_response(&self) -> HttpResponse {
        match self.0.downcast_ref::<cloakroom::Error>() {
            // It knows its status, and what a browser is asked for that has to sign in.
            Some(error) => error.error_response(),
            None => {
                tracing::error!(error = self.0, "a request failed");
                HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
