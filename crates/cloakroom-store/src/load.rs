//! The request of [`Store::load`](crate::Store::load).

use crate::{Id, Namespace};

/// Which record to read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Load {
    /// The application and cookie the session belongs to.
    pub namespace: Namespace,
    /// The session.
    pub id: Id,
    /// How recent the answer has to be. Only a near cache reads it.
    pub freshness: Freshness,
}

impl Load {
    /// Reads the record of one session. A near cache may answer with a copy.
    pub fn new(namespace: Namespace, id: Id) -> Self {
        Self {
            namespace,
            id,
            freshness: Freshness::Copied,
        }
    }

    /// Reads past every near cache: for what is about to be decided on the answer, and for saying no.
    #[must_use]
    pub fn latest(mut self) -> Self {
        self.freshness = Freshness::Latest;
        self
    }
}

/// How recent a record is, or has to be.
///
/// A store that keeps no copies has nothing to do with it: all it answers is the latest.
// Complete: an answer comes from where the record is kept, or it does not.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// A copy that a near cache made a while ago. What other processes have written since may be missing.
    Copied,
    /// As it is where it is kept, when the load gets there.
    #[default]
    Latest,
}
