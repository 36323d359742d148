//! The response instead of a handler's, where a session failed.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};

use crate::adapter::caching;
use crate::adapter::sign_in::AsksForSignIn;
use crate::{Error, ErrorKind, events};

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        status(self.kind())
    }

    /// Tells the client the kind, and the log the story.
    fn error_response(&self) -> HttpResponse {
        events::failed(self);
        let mut response = refusal(self.kind());
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

/// Tells the client the kind and nothing else.
pub(super) fn refusal(kind: ErrorKind) -> HttpResponse {
    let mut response = HttpResponse::build(status(kind));
    response.insert_header(ContentType::plaintext());
    response.insert_header((CACHE_CONTROL, caching::NO_STORE));
    if let Some(seconds) = kind.retry_after() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response.body(kind.reason())
}

fn status(kind: ErrorKind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
