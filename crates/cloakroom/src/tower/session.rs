//! Asking for the session of a request.

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, header};

use crate::adapter::Slot;
use crate::{Error, ErrorKind, Session};

/// The session of a request, for whoever has no extractor to ask with: loads it the first time.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] when the store could not be asked; [`ErrorKind::NoLayer`] for a request that did not
/// come through a [`SessionLayer`](crate::SessionLayer).
pub async fn session(parts: &Parts) -> Result<Session, Error> {
    session_from(&parts.headers, &parts.extensions).await
}

/// The session of a request of which there are only the headers and extensions, as in a handler of tonic:
/// `session_from(request.metadata().as_ref(), request.extensions())`.
///
/// # Errors
///
/// As [`session`].
pub async fn session_from(headers: &HeaderMap, extensions: &Extensions) -> Result<Session, Error> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    find(extensions)?.open(lines.map(HeaderValue::as_bytes)).await
}

fn find(extensions: &Extensions) -> Result<&Slot, Error> {
    extensions.get().ok_or_else(|| {
        Error::new(
            ErrorKind::NoLayer,
            "this route has no sessions: put it inside `.layer(sessions.layer())`, which in axum covers the routes \
             added before it",
        )
    })
}
