//! Short numbers for namespaces, so that a session need not hold its own.

use cloakroom_store::Namespace;

/// The namespaces a shard has seen; each one's number is its position. Usually there is one.
///
/// Each shard keeps its own, so that no load waits for a lock that all shards share.
#[derive(Default)]
pub(super) struct Namespaces(Vec<Namespace>);

impl Namespaces {
    /// The number of a namespace that was seen before.
    pub(super) fn find(&self, namespace: &Namespace) -> Option<u32> {
        self.0
            .iter()
            .position(|known| known == namespace)
            .map(|at| at as u32)
    }

    /// The number of a namespace.
    pub(super) fn number(&mut self, namespace: &Namespace) -> u32 {
        self.find(namespace).unwrap_or_else(|| {
            self.0.push(namespace.clone());
            (self.0.len() - 1) as u32
        })
    }
}
