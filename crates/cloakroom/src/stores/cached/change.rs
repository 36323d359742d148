//! Changes under way: however one ends, no copy from before it is left.

use cloakroom_store::{Id, Namespace, Principal, Record, Revision, Stored, Timestamp};

use super::copies::{Copies, Ticket};

/// A change of one session. Dropped without being told how it ended, its copy goes: nobody knows what is there now.
pub(super) struct Change<'a> {
    copies: &'a Copies,
    namespace: Namespace,
    id: Id,
    ticket: Ticket,
    ended: Ended,
}

/// How a change of one session ended.
enum Ended {
    /// It was refused, failed, or removed the session, or its future was dropped.
    Unknown,
    Written(Box<Stored>),
    Touched(Touched),
}

/// A touch that was applied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touched {
    /// The revision it was applied at.
    pub(super) seen: Revision,
    /// The revision the session is at now.
    pub(super) revision: Revision,
    pub(super) last_seen: Timestamp,
    pub(super) expires: Timestamp,
}

impl<'a> Change<'a> {
    /// Begins a change, before the store is asked for it.
    pub(super) fn begin(copies: &'a Copies, namespace: Namespace, id: Id) -> Self {
        Self {
            ticket: copies.ticket(id),
            copies,
            namespace,
            id,
            ended: Ended::Unknown,
        }
    }

    /// This is what is there now.
    pub(super) fn wrote(mut self, stored: Stored) {
        self.ended = Ended::Written(Box::new(stored));
    }

    /// The session was touched.
    pub(super) fn touched(mut self, touched: Touched) {
        self.ended = Ended::Touched(touched);
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.ended, Ended::Unknown) {
            Ended::Unknown => self.copies.drop_copy(&self.namespace, self.id),
            Ended::Written(stored) => self.copies.wrote(&self.namespace, self.id, &self.ticket, *stored),
            Ended::Touched(touched) => self.copies.touched(&self.namespace, self.id, touched),
        }
    }
}

/// An ending of many sessions. When it is over, however it went, the copies of all that it may have ended go.
pub(super) struct Ending<'a> {
    copies: &'a Copies,
    namespace: Namespace,
    whose: Whose,
}

/// Whose copies go.
pub(super) enum Whose {
    Nobodys,
    /// This principal's. Those of nobody too: the session may have been signed in to elsewhere since it was copied.
    Principal(Principal),
    BegunBefore(Timestamp),
    ExpiredBefore(Timestamp),
    Everyone,
}

impl<'a> Ending<'a> {
    /// Begins an ending, before the store is asked for it.
    pub(super) fn begin(copies: &'a Copies, namespace: Namespace, whose: Whose) -> Self {
        Self {
            copies,
            namespace,
            whose,
        }
    }

    /// It has ended none but those that the store has named.
    pub(super) fn spare(mut self) {
        self.whose = Whose::Nobodys;
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if !matches!(self.whose, Whose::Nobodys) {
            self.copies.drop_these(&self.namespace, &self.whose);
        }
    }
}

impl Whose {
    /// Whether a copy of this record goes.
    pub(super) fn is(&self, record: &Record) -> bool {
        match self {
            Self::Nobodys => false,
            Self::Principal(principal) => record.principal.as_ref().is_none_or(|of| of == principal),
            Self::BegunBefore(moment) => record.created < *moment,
            Self::ExpiredBefore(moment) => record.expires < *moment,
            Self::Everyone => true,
        }
    }
}
