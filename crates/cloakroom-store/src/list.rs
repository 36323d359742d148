//! Listing and counting: queries over the clear metadata, in pages by an opaque cursor.

use std::num::NonZeroUsize;

use crate::{Id, Label, Namespace, Principal, Record, Revision, Timestamp};

/// Asks for one page of the sessions that match a query.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct List {
    /// The application and cookie the sessions belong to.
    pub namespace: Namespace,
    /// Which sessions.
    pub query: Query,
    /// Where the page before this one ended; `None` for the first.
    pub after: Option<Cursor>,
    /// At most this many entries in the page.
    pub limit: NonZeroUsize,
}

impl List {
    /// Lists from the beginning, at most `limit` entries.
    pub fn new(namespace: Namespace, query: Query, limit: NonZeroUsize) -> Self {
        Self {
            namespace,
            query,
            after: None,
            limit,
        }
    }

    /// Goes on where another page ended.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}

/// Asks how many sessions match a query.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Count {
    /// The application and cookie the sessions belong to.
    pub namespace: Namespace,
    /// Which sessions.
    pub query: Query,
}

impl Count {
    /// Counts the sessions that match.
    pub fn new(namespace: Namespace, query: Query) -> Self {
        Self { namespace, query }
    }
}

/// Which sessions: all conditions that are set must hold; the default matches every session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// Only sessions of this principal.
    pub principal: Option<Principal>,
    /// Only sessions that began before this moment.
    pub created_before: Option<Timestamp>,
    /// Only sessions last seen before this moment.
    pub seen_before: Option<Timestamp>,
    /// Only sessions whose expiry is after this moment.
    pub live_at: Option<Timestamp>,
    /// Only sessions whose label contains this text, compared as bytes.
    pub label_contains: Option<String>,
}

impl Query {
    /// Keeps only sessions of one principal.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Keeps only sessions that began before `moment`.
    #[must_use]
    pub fn created_before(mut self, moment: Timestamp) -> Self {
        self.created_before = Some(moment);
        self
    }

    /// Keeps only sessions last seen before `moment`.
    #[must_use]
    pub fn seen_before(mut self, moment: Timestamp) -> Self {
        self.seen_before = Some(moment);
        self
    }

    /// Keeps only sessions that have not expired at `moment`.
    #[must_use]
    pub fn live_at(mut self, moment: Timestamp) -> Self {
        self.live_at = Some(moment);
        self
    }

    /// Keeps only sessions whose label contains `text`.
    #[must_use]
    pub fn label_contains(mut self, text: impl Into<String>) -> Self {
        self.label_contains = Some(text.into());
        self
    }

    /// Whether a session with this metadata matches: the meaning of a query, in one place for every store.
    pub fn matches(&self, entry: &Entry) -> bool {
        let Entry {
            principal,
            created,
            last_seen,
            expires,
            label,
            ..
        } = entry;
        self.principal
            .as_ref()
            .is_none_or(|p| principal.as_ref() == Some(p))
            && self.created_before.is_none_or(|moment| *created < moment)
            && self.seen_before.is_none_or(|moment| *last_seen < moment)
            && self.live_at.is_none_or(|moment| *expires > moment)
            && self.label_contains.as_ref().is_none_or(|text| {
                label
                    .as_ref()
                    .is_some_and(|label| label.as_str().contains(text.as_str()))
            })
    }
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Page {
    /// The sessions of this page, in no promised order.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<Cursor>,
}

impl Page {
    /// A page, and where the next begins if there is one.
    pub fn new(entries: Vec<Entry>, next: Option<Cursor>) -> Self {
        Self { entries, next }
    }
}

/// The clear metadata of one session: what can be shown without any credential.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The session.
    pub id: Id,
    /// The record's revision when it was listed.
    pub revision: Revision,
    /// Who is signed in, or nobody.
    pub principal: Option<Principal>,
    /// When the session began, or was last signed in.
    pub created: Timestamp,
    /// When the session was last seen, as far as touches say.
    pub last_seen: Timestamp,
    /// When the session expires.
    pub expires: Timestamp,
    /// What the application calls it.
    pub label: Option<Label>,
}

impl Entry {
    /// The clear metadata of a record.
    pub fn new(id: Id, revision: Revision, record: &Record) -> Self {
        Self {
            id,
            revision,
            principal: record.principal.clone(),
            created: record.created,
            last_seen: record.last_seen,
            expires: record.expires,
            label: record.label.clone(),
        }
    }
}

/// Where a listing goes on: bytes that only the store that gave them understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Box<[u8]>);

impl Cursor {
    /// Wraps a position; what it means is the store's own business.
    pub fn new(position: impl Into<Box<[u8]>>) -> Self {
        Self(position.into())
    }

    /// The position, as it was given.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
