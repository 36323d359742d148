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
}

impl Load {
    /// Reads the record of one session.
    pub fn new(namespace: Namespace, id: Id) -> Self {
        Self { namespace, id }
    }
}
