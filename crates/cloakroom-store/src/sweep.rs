//! The request and the answer of [`Store::sweep`](crate::Store::sweep).

use std::num::NonZeroUsize;

use crate::{Namespace, Timestamp};

/// Removes expired records.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sweep {
    /// The application and cookie the sessions belong to.
    pub namespace: Namespace,
    /// Only records whose expiry is before this moment: now, less the margin for clocks that disagree.
    pub expired_before: Timestamp,
    /// At most this many, so that no lock is held long.
    pub limit: NonZeroUsize,
}

impl Sweep {
    /// Removes at most `limit` records that expired before a moment.
    pub fn new(namespace: Namespace, expired_before: Timestamp, limit: NonZeroUsize) -> Self {
        Self {
            namespace,
            expired_before,
            limit,
        }
    }
}

/// What became of a [`Sweep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Swept {
    /// How many records this call removed.
    pub removed: u64,
    /// Whether more expired records may remain: call again. `false` is certain.
    pub more: bool,
    /// Whether what remains is not to be had now, and calling again at once would be in vain: another node is removing it,
    /// or somebody has locked it.
    pub held: bool,
}

impl Swept {
    /// So many removed, and perhaps more remain.
    pub fn new(removed: u64, more: bool) -> Self {
        Self {
            removed,
            more,
            held: false,
        }
    }

    /// So many removed, and what remains is not to be had now.
    pub fn all_but_held(removed: u64) -> Self {
        Self {
            removed,
            more: true,
            held: true,
        }
    }
}
