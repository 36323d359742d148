//! The response instead of a handler's, where a session failed.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::ErrorKind;
use crate::adapter::caching;

/// Tells the client the kind and nothing else: as text where it is known how to fill a body, which is axum's.
pub(crate) fn refusal<B: Default + 'static>(kind: ErrorKind) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_filled = fill(response.body_mut(), kind.reason());
    let headers = response.headers_mut();
    if is_filled {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, text);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching::NO_STORE));
    if let Some(seconds) = kind.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

#[cfg(feature = "axum")]
fn fill<B: 'static>(body: &mut B, text: &'static str) -> bool {
    let body: &mut dyn std::any::Any = body;
    let body = body.downcast_mut::<axum_core::body::Body>();
    body.map(|body| *body = text.into()).is_some()
}

#[cfg(not(feature = "axum"))]
fn fill<B>(_body: &mut B, _text: &'static str) -> bool {
    false
}
