//! Where a request's session is once somebody has asked for it.

use std::sync::Arc;

use http::request::Parts;
use http::{Extensions, HeaderMap, header};
use tokio::sync::OnceCell;

use crate::{Error, ErrorKind, Session, Sessions};

/// Where a request's session is once somebody has asked for it: one for all who ask.
#[derive(Debug, Clone)]
pub(crate) struct Slot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sessions: Sessions,
    session: OnceCell<Session>,
}

impl Slot {
    pub(crate) fn new(sessions: Sessions) -> Self {
        Self(Arc::new(Inner {
            sessions,
            session: OnceCell::const_new(),
        }))
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// The session, if anybody has asked for it.
    pub(crate) fn opened(&self) -> Option<&Session> {
        self.0.session.get()
    }

    /// The session; loads it the first time. A failure is not remembered, and not an empty session.
    async fn open(&self, headers: &HeaderMap) -> Result<Session, Error> {
        let lines = headers
            .get_all(header::COOKIE)
            .into_iter()
            .map(http::HeaderValue::as_bytes);
        self.0
            .session
            .get_or_try_init(|| self.0.sessions.open(lines))
            .await
            .cloned()
    }
}

/// The session of a request, for whoever has no extractor to ask with: loads it the first time.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] when the store could not be asked; [`ErrorKind::NoLayer`] for a request that did not
/// come through a [`SessionLayer`](crate::SessionLayer).
pub async fn session(parts: &Parts) -> Result<Session, Error> {
    find(&parts.extensions)?.open(&parts.headers).await
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
