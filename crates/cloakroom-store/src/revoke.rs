//! The request and the answer of [`Store::revoke`](crate::Store::revoke).

use std::num::NonZeroUsize;

use crate::{Cursor, Id, Namespace, Principal, Timestamp};

/// Ends many sessions.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Revoke {
    /// The application and cookie the sessions belong to.
    pub namespace: Namespace,
    /// Whose sessions.
    pub scope: Scope,
    /// End at most this many and say whether more remain; `None` to end them all in one step.
    pub limit: Option<NonZeroUsize>,
    /// Where the call before this one came to, see [`Revoked::next`].
    pub after: Option<Cursor>,
}

impl Revoke {
    /// Ends all sessions in the scope.
    pub fn new(namespace: Namespace, scope: Scope) -> Self {
        Self {
            namespace,
            scope,
            limit: None,
            after: None,
        }
    }

    /// Ends at most so many, so that no lock is held long.
    ///
    /// A store that has no index by when sessions began also looks at a bounded number only, and may end none.
    #[must_use]
    pub fn at_most(mut self, limit: NonZeroUsize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on where a call that ended everyone's sessions came to.
    ///
    /// A principal's are few and looked up by who they are: for them it means nothing.
    #[must_use]
    pub fn after(mut self, next: Option<Cursor>) -> Self {
        self.after = next;
        self
    }
}

/// Whose sessions a [`Revoke`] ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// All sessions of a principal, but perhaps one.
    Principal {
        /// Whose sessions end.
        principal: Principal,
        /// The session that stays.
        keep: Option<Id>,
    },
    /// Every session that began before a moment, whoever's it is, anonymous ones included.
    Everyone {
        /// Sessions that began at or after this moment stay.
        begun_before: Timestamp,
    },
}

/// What became of a [`Revoke`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Revoked {
    /// How many sessions this call ended.
    pub ended: u64,
    /// Whether the limit may have left some behind: call again. `false` is certain.
    pub more: bool,
    /// Where to go on, from a store that would otherwise look again at what it has looked at: give it to the next call,
    /// or none if this is none.
    pub next: Option<Cursor>,
}

impl Revoked {
    /// So many ended, and perhaps more remain.
    pub fn new(ended: u64, more: bool) -> Self {
        Self {
            ended,
            more,
            next: None,
        }
    }

    /// So many ended, and whoever looks for more goes on there.
    pub fn up_to(ended: u64, next: Cursor) -> Self {
        Self {
            ended,
            more: true,
            next: Some(next),
        }
    }
}
