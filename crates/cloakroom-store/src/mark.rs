//! Marks, and the requests that set and read them.

use std::num::NonZeroUsize;

use crate::{Cursor, Id, Namespace, Principal, Timestamp};

/// Whom a mark is about.
// Complete: whose sessions can end.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// One session.
    Session(Id),
    /// All sessions of a principal.
    Principal(Principal),
    /// Everyone's sessions, anonymous ones too.
    Everyone,
}

/// Nothing of the subject begun before a moment counts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mark {
    /// Whom it is about.
    pub subject: Subject,
    /// What began before this moment is over. [`Timestamp::MAX`]: all of it, for good.
    pub begun_before: Timestamp,
    /// When it may be forgotten: nothing that it ends lives that long.
    pub until: Timestamp,
}

impl Mark {
    /// Nothing of `subject` begun before that moment counts, to be remembered `until` then.
    pub fn new(subject: Subject, begun_before: Timestamp, until: Timestamp) -> Self {
        Self {
            subject,
            begun_before,
            until,
        }
    }

    /// Moves its moments forward to those of another mark of the same subject.
    pub fn raise(&mut self, other: &Self) {
        self.begun_before = self.begun_before.max(other.begun_before);
        self.until = self.until.max(other.until);
    }
}

/// The request of [`Marks::mark`](crate::Marks::mark).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SetMark {
    /// The application and cookie the mark belongs to.
    pub namespace: Namespace,
    /// What is to be so.
    pub mark: Mark,
}

impl SetMark {
    /// Sets a mark.
    pub fn new(namespace: Namespace, mark: Mark) -> Self {
        Self { namespace, mark }
    }
}

/// The request of [`Marks::marks_of`](crate::Marks::marks_of).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MarksOf {
    /// The application and cookie the marks belong to.
    pub namespace: Namespace,
    /// Whose.
    pub principal: Principal,
}

impl MarksOf {
    /// Asks for what counts of a principal.
    pub fn new(namespace: Namespace, principal: Principal) -> Self {
        Self { namespace, principal }
    }
}

/// The request of [`Marks::news`](crate::Marks::news).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct News {
    /// The application and cookie the marks belong to.
    pub namespace: Namespace,
    /// What was told already: [`Told::next`] of the call before; `None` to be told all.
    pub after: Option<Cursor>,
    /// At most so many marks at once.
    pub limit: NonZeroUsize,
}

impl News {
    /// Asks for what is new since a position.
    pub fn new(namespace: Namespace, after: Option<Cursor>, limit: NonZeroUsize) -> Self {
        Self {
            namespace,
            after,
            limit,
        }
    }
}

/// The answer of [`Marks::news`](crate::Marks::news).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// The marks, each as it is now.
    pub marks: Vec<Mark>,
    /// Where to go on.
    pub next: Cursor,
    /// Whether there may be more already: ask again at once.
    pub more: bool,
    /// Whether the position meant nothing here, so that this begins from the start. Marks that were set before may be
    /// lost: whoever still knows them can set them again.
    pub anew: bool,
}

impl Told {
    /// These marks, and where to go on.
    pub fn new(marks: Vec<Mark>, next: Cursor, more: bool) -> Self {
        Self {
            marks,
            next,
            more,
            anew: false,
        }
    }

    /// Says whether the position meant nothing here.
    #[must_use]
    pub fn anew(mut self, anew: bool) -> Self {
        self.anew = anew;
        self
    }
}
