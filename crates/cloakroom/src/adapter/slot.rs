//! Where a request's session is once somebody has asked for it, and how the request ends.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use crate::sessions::{Finished, Outcome};
use crate::{Error, Session, Sessions};

/// Where a request's session is once somebody has asked for it: one for all who ask.
#[derive(Debug, Clone)]
pub(crate) struct Slot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sessions: Sessions,
    session: OnceCell<Session>,
    /// The response is leaving: a session that is opened now can no longer hand out a cookie.
    left: AtomicBool,
    /// Why nobody can say who is signed in, where the handler may not have heard of it.
    failure: OnceLock<Error>,
}

impl Slot {
    pub(crate) fn new(sessions: Sessions) -> Self {
        Self(Arc::new(Inner {
            sessions,
            session: OnceCell::const_new(),
            left: AtomicBool::new(false),
            failure: OnceLock::new(),
        }))
    }

    /// The session; loads it the first time, by these lines of the `Cookie` header. A failure is not remembered,
    /// and not an empty session.
    pub(crate) async fn open<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> Result<Session, Error> {
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

    /// Nobody can say who is signed in, and the handler may not hear of it. The first reason stays.
    #[cfg_attr(
        not(feature = "actix"),
        allow(dead_code, reason = "elsewhere handlers hear of it")
    )]
    pub(crate) fn fail(&self, error: Error) {
        // That there is one already is no failure.
        let _ = self.0.failure.set(error);
    }

    /// Why nobody can say who is signed in.
    #[cfg_attr(
        not(feature = "actix"),
        allow(dead_code, reason = "elsewhere handlers hear of it")
    )]
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.0.failure.get()
    }

    /// The response is leaving: how the request ends, if anybody has asked for its session.
    pub(crate) fn leave(&self) -> Option<Leaving<'_>> {
        self.0.left.store(true, Ordering::SeqCst);
        let session = self.0.session.get()?;
        Some(Leaving {
            sessions: &self.0.sessions,
            session,
        })
    }
}

/// A request whose session was asked for, and whose response is there.
pub(crate) struct Leaving<'a> {
    sessions: &'a Sessions,
    session: &'a Session,
}

impl Leaving<'_> {
    /// Ends the request, by the status of its response.
    pub(crate) fn finish(self, status: u16) -> Finish {
        let outcome = match status {
            500.. => Outcome::ServerError,
            _ => Outcome::Success,
        };
        if let Some(finished) = self.sessions.finish_at_once(self.session, outcome) {
            return Finish::Now(finished);
        }
        let (sessions, session) = (self.sessions.clone(), self.session.clone());
        Finish::Later(Box::pin(async move { sessions.finish(&session, outcome).await }))
    }
}

/// What the end of a request comes to.
pub(crate) enum Finish {
    Now(Finished),
    /// Something is to be written first.
    Later(Finishing),
}

pub(crate) type Finishing = Pin<Box<dyn Future<Output = Finished> + Send>>;
