//! What a store keeps of one session.

use std::fmt;
use std::sync::Arc;

use crate::{Freshness, Label, Principal, Revision, Timestamp};

/// What a store keeps under an [`Id`](crate::Id): clear metadata to list and sweep by, and one opaque body.
///
/// The metadata is in clear so that sessions can be listed and ended without a credential. Everything else
/// is in the body, which a store never looks into.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Who is signed in, or nobody.
    pub principal: Option<Principal>,
    /// When the session began, or was last signed in.
    pub created: Timestamp,
    /// When the session was last seen.
    pub last_seen: Timestamp,
    /// When the session expires, unless it is touched before.
    pub expires: Timestamp,
    /// What the application calls it, for a list of devices.
    pub label: Option<Label>,
    /// Verifiers, lifetime and sealed data: opaque to the store, shared without copying.
    pub body: Arc<[u8]>,
}

impl Record {
    /// A record of nobody, without a label, last seen when it was created.
    pub fn new(created: Timestamp, expires: Timestamp, body: impl Into<Arc<[u8]>>) -> Self {
        Self {
            principal: None,
            created,
            last_seen: created,
            expires,
            label: None,
            body: body.into(),
        }
    }

    /// Makes it a session of this principal, or of nobody.
    #[must_use]
    pub fn with_principal(mut self, principal: Option<Principal>) -> Self {
        self.principal = principal;
        self
    }

    /// Sets when it was last seen.
    #[must_use]
    pub fn with_last_seen(mut self, last_seen: Timestamp) -> Self {
        self.last_seen = last_seen;
        self
    }

    /// Sets what the application calls it.
    #[must_use]
    pub fn with_label(mut self, label: Option<Label>) -> Self {
        self.label = label;
        self
    }
}

impl fmt::Debug for Record {
    /// Says how long the body is, never what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("principal", &self.principal)
            .field("created", &self.created)
            .field("last_seen", &self.last_seen)
            .field("expires", &self.expires)
            .field("label", &self.label)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// A record as it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// What a write must expect to replace exactly this.
    pub revision: Revision,
    /// What is kept.
    pub record: Record,
    /// Whether it comes from where it is kept, or is a copy.
    pub freshness: Freshness,
}

impl Stored {
    /// A record at a revision, as it is where it is kept.
    pub fn new(revision: Revision, record: Record) -> Self {
        Self {
            revision,
            record,
            freshness: Freshness::Latest,
        }
    }

    /// Says that it is a copy.
    #[must_use]
    pub fn copied(mut self) -> Self {
        self.freshness = Freshness::Copied;
        self
    }
}
