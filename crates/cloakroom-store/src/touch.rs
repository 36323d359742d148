//! The request and the answer of [`Store::touch`](crate::Store::touch).

use crate::{Id, Namespace, Revision, Timestamp};

/// Moves a session's last seen and expiry forward.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Touch {
    /// The application and cookie the session belongs to.
    pub namespace: Namespace,
    /// The session.
    pub id: Id,
    /// The revision the caller has seen.
    pub revision: Revision,
    /// When the session was seen. Ignored when it is not later than what is kept.
    pub last_seen: Timestamp,
    /// When the session expires now. Ignored when it is not later than what is kept.
    pub expires: Timestamp,
}

impl Touch {
    /// Touches a session at the revision the caller has seen.
    pub fn new(
        namespace: Namespace,
        id: Id,
        revision: Revision,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Self {
        Self {
            namespace,
            id,
            revision,
            last_seen,
            expires,
        }
    }
}

/// What became of a [`Touch`].
// Complete: a touch either found the record as it was seen, or it did not.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// The record was at the revision, and now is at this one: the same, unless the card says that a touch
    /// moves it.
    Applied(Revision),
    /// The record is gone or at another revision.
    Refused,
}
