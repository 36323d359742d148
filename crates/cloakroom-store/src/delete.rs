//! The request and the answer of [`Store::delete`](crate::Store::delete).

use crate::{Id, Namespace, Principal};

/// Ends one session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delete {
    /// The application and cookie the session belongs to.
    pub namespace: Namespace,
    /// The session.
    pub id: Id,
    /// Whose session it must still be.
    pub owner: Owner,
}

impl Delete {
    /// Ends the session if it still belongs to `owner`.
    pub fn new(namespace: Namespace, id: Id, owner: Owner) -> Self {
        Self { namespace, id, owner }
    }
}

/// Whose session may be ended.
// Complete: it is somebody's, nobody's, or it does not matter.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Only a session of this principal, or of nobody. So a late sign-out of an anonymous session does not
    /// end the one that was signed in meanwhile.
    Is(Option<Principal>),
    /// Anybody's.
    Any,
}

impl Owner {
    /// Whether a session of `principal` may be ended.
    pub fn allows(&self, principal: Option<&Principal>) -> bool {
        match self {
            Self::Is(owner) => owner.as_ref() == principal,
            Self::Any => true,
        }
    }
}

/// What became of a [`Delete`].
// Complete: there was one and it ended, there was one and it stayed, or there was none.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// There was one, and it is gone.
    Ended,
    /// There was none.
    Missing,
    /// There is one, of somebody else, and it stays.
    NotOwner,
}
