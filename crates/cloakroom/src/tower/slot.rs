//! Where a request's session is once somebody has asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::request::Parts;
use http::{Extensions, HeaderMap, Response, header};
use tokio::sync::OnceCell;

use crate::tower::sign_in::Asked;
use crate::{Error, ErrorKind, Session, Sessions};

/// Where a request's session is once somebody has asked for it: one for all who ask.
#[derive(Debug, Clone)]
pub(crate) struct Slot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sessions: Sessions,
    /// What a browser asked for, if it could be sent to sign in instead.
    asked: Option<Box<Asked>>,
    session: OnceCell<Session>,
    /// The response is leaving: a session that is opened now can no longer hand out a cookie.
    left: AtomicBool,
}

impl Slot {
    pub(crate) fn new(sessions: Sessions, asked: Option<Box<Asked>>) -> Self {
        Self(Arc::new(Inner {
            sessions,
            asked,
            session: OnceCell::const_new(),
            left: AtomicBool::new(false),
        }))
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// The handler's response, or one that sends its browser to sign in.
    pub(crate) fn answer<B: Default>(&self, response: Response<B>) -> Response<B> {
        match &self.0.asked {
            Some(asked) => asked.answer(response, &self.0.sessions),
            None => response,
        }
    }

    /// The response is leaving: the session, if anybody has asked for it.
    pub(crate) fn leave(&self) -> Option<&Session> {
        self.0.left.store(true, Ordering::SeqCst);
        self.0.session.get()
    }

    /// The session; loads it the first time. A failure is not remembered, and not an empty session.
    async fn open(&self, headers: &HeaderMap) -> Result<Session, Error> {
        let lines = headers
            .get_all(header::COOKIE)
            .into_iter()
            .map(http::HeaderValue::as_bytes);
        let session = self
            .0
            .session
            .get_or_try_init(|| self.0.sessions.open(lines))
            .await?;
        // Asked for by a task that outlives the response: `leave` came first, or sees the session.
        if self.0.left.load(Ordering::SeqCst) {
            session.0.state().head_sent = true;
        }
        Ok(session.clone())
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
