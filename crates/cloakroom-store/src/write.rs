//! The one conditional write: its request and its answer.

use std::num::NonZeroU32;

use crate::{Id, Namespace, Record, Revision, Timestamp};

/// A record to write, and what must be there for it to be written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Write {
    /// The application and cookie the session belongs to.
    pub namespace: Namespace,
    /// The session.
    pub id: Id,
    /// What must be there now.
    pub expect: Expect,
    /// What will be there afterwards.
    pub record: Record,
    /// How many live sessions the record's principal may have, this one included.
    pub cap: Cap,
    /// The time to judge by which sessions of the principal are live. Only a cap reads it.
    pub now: Timestamp,
}

impl Write {
    /// Writes `record` under `id` if what is there is what `expect` says, with no cap.
    pub fn new(namespace: Namespace, id: Id, expect: Expect, record: Record) -> Self {
        Self {
            namespace,
            id,
            expect,
            now: record.last_seen,
            record,
            cap: Cap::None,
        }
    }

    /// Limits how many sessions live at `now` the record's principal may have.
    #[must_use]
    pub fn with_cap(mut self, cap: Cap, now: Timestamp) -> Self {
        self.cap = cap;
        self.now = now;
        self
    }
}

/// What must be there for a write to apply.
// Complete: "whatever is there" is what no store may ever do.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing is kept under this id: create it.
    Absent,
    /// The record is at exactly this revision: replace it.
    Revision(Revision),
}

/// The limit of live sessions per principal, judged in the step that changes the index.
///
/// A record that already belongs to the principal counts as itself, so a write to an existing session of
/// theirs is never refused and ends nobody's. A record without a principal is never limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cap {
    /// No limit.
    #[default]
    None,
    /// The write is answered with [`Written::AtCap`] when the principal already has this many others.
    Refuse(NonZeroU32),
    /// The sessions with the oldest `created` end, so that this many remain with the new one.
    EndOldest(NonZeroU32),
}

/// What became of a [`Write`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Written {
    /// It is written, at this revision.
    Applied {
        /// The record's new revision.
        revision: Revision,
        /// The sessions that [`Cap::EndOldest`] ended to make room.
        ended: Vec<Id>,
    },
    /// What is there is not what was expected: it exists, is stale, or is gone. Load again and decide.
    Refused,
    /// The principal has as many sessions as [`Cap::Refuse`] allows. Nothing has changed. A write that is both stale
    /// and over the cap is [`Refused`](Self::Refused).
    AtCap,
}
