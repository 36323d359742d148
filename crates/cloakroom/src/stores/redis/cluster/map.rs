//! Which node has which slot, and the connections to each.

use std::sync::Arc;

use super::super::address::Place;
use super::super::pool::Pool;
use super::slot::SLOTS;
use super::topology::NodeId;

/// Who has which slots, as far as we know.
pub(super) struct Map {
    pub(super) epoch: u64,
    /// For each slot the number of its node.
    pub(super) owners: Box<[Option<u16>]>,
    pub(super) nodes: Vec<Arc<Node>>,
}

/// A primary, with connections to it.
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) place: Place,
    pub(super) pool: Pool,
}

impl Map {
    /// The node that has a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        let number = self.owners[usize::from(slot)]?;
        self.nodes.get(usize::from(number))
    }

    /// The number of the node that has a slot.
    pub(super) fn number(&self, slot: u16) -> Option<u16> {
        self.owners[usize::from(slot)]
    }

    /// Whether another map says the same.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.epoch == other.epoch
            && self.owners == other.owners
            && self.nodes.len() == other.nodes.len()
            && self
                .nodes
                .iter()
                .zip(&other.nodes)
                .all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Default for Map {
    fn default() -> Self {
        Self {
            epoch: 0,
            owners: vec![None; SLOTS].into(),
            nodes: Vec::new(),
        }
    }
}
