//! Lists a principal's sessions: their devices.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use cloakroom_store::{Entry, Id, Label, List, Query, Store as _, Timestamp};

use crate::bounded::bounded;
use crate::{Error, Session};

/// How many sessions one page of a listing has at most.
const PAGE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not zero");

/// One of a principal's sessions, for a list of devices.
///
/// To show a moment in words, take it as a [`SystemTime`](std::time::SystemTime):
/// `SystemTime::from(info.created)`.
///
/// Of [sealed](crate::Sessions::sealed) sessions the store knows what was said at the sign-in, and nothing is written while
/// one is used. So nobody can tell when another one was last seen, nor whether it has been idle for too long: it is listed
/// until its absolute timeout, unless it is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its public name: what [`Session::end`] takes.
    pub id: Id,
    /// When it began, or was last signed in; or, where it is sealed, has last signed out the others.
    pub created: Timestamp,
    /// When it was last seen, to within a twentieth of its idle timeout. `None` where nobody knows: of a sealed session that
    /// is not the one of this request.
    pub last_seen: Option<Timestamp>,
    /// When it ends, unless it is seen before. Of a sealed session: when it ends at the latest.
    pub expires: Timestamp,
    /// What it was called when it was signed in.
    pub label: Option<Label>,
    /// Whether it is the session of this request.
    pub current: bool,
}

impl Session {
    /// The sessions of who is signed in, this one included; none when nobody is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the store could not be asked, or has one that a newer
    /// release has written, [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where its card says that it cannot list,
    /// and for sealed sessions where sign-ins are not registered.
    pub async fn sessions(&self) -> Result<Vec<SessionInfo>, Error> {
        drop(self.gate().await?);
        let Some(principal) = self.principal() else {
            return Ok(Vec::new());
        };
        let config = &self.0.config;
        let this = self.id();
        let seen_by_cookie = self.0.state().claims().map(|claims| claims.seen);
        let now = config.clock.now();
        let query = Query::default().principal(principal).live_at(now);
        let mut list = List::new(config.namespace.clone(), query, PAGE);
        let mut sessions = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let page = bounded(config.store_timeout, config.store.list(list.clone()))
                .await
                .map_err(|error| Error::store("list sessions", error))?;
            for Entry {
                id,
                created,
                last_seen,
                expires,
                label,
                ..
            } in page.entries
            {
                // A listing may show a session twice.
                if seen.insert(id) {
                    let current = Some(id) == this;
                    let last_seen = match config.sealed {
                        None => Some(last_seen),
                        Some(_) => seen_by_cookie.filter(|_| current),
                    };
                    sessions.push(SessionInfo {
                        id,
                        // After an ending of all, a sealed session is stamped above its mark, which lies ahead.
                        created: created.min(now),
                        last_seen,
                        expires,
                        label,
                        current,
                    });
                }
            }
            match page.next {
                Some(cursor) => list = list.after(Some(cursor)),
                None => return Ok(sessions),
            }
        }
    }
}
