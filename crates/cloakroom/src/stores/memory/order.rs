//! The order in which sessions expire, so that a sweep costs what has expired and not what lives.

use std::collections::BTreeSet;

use cloakroom_store::{Principal, Timestamp};

/// The sessions of a shard by expiry: those of nobody, which may be dropped to make room, and the others.
#[derive(Default)]
pub(super) struct Order {
    anonymous: BTreeSet<Due>,
    signed_in: BTreeSet<Due>,
}

/// When a slot's session expires. What expires first in a namespace comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) namespace: u32,
    pub(super) expires: Timestamp,
    pub(super) slot: u32,
}

impl Order {
    /// Adds a session.
    pub(super) fn insert(&mut self, principal: Option<&Principal>, due: Due) {
        self.half(principal).insert(due);
    }

    /// Takes out a session.
    pub(super) fn remove(&mut self, principal: Option<&Principal>, due: Due) {
        self.half(principal).remove(&due);
    }

    /// The slots that expire before a moment: first those of nobody, and of each what expires first.
    pub(super) fn due(&self, namespace: u32, before: Timestamp) -> impl Iterator<Item = u32> {
        let expired = || first(namespace, Timestamp::default())..first(namespace, before);
        let anonymous = self.anonymous.range(expired());
        let signed_in = self.signed_in.range(expired());
        anonymous.chain(signed_in).map(|due| due.slot)
    }

    /// The anonymous session of a namespace that expires first, but for one slot.
    pub(super) fn nearest_anonymous(&self, namespace: u32, but: Option<u32>) -> Option<Due> {
        let mut from = self.anonymous.range(first(namespace, Timestamp::default())..);
        let nearest = from.find(|due| Some(due.slot) != but)?;
        (nearest.namespace == namespace).then_some(*nearest)
    }

    fn half(&mut self, principal: Option<&Principal>) -> &mut BTreeSet<Due> {
        match principal {
            Some(_) => &mut self.signed_in,
            None => &mut self.anonymous,
        }
    }
}

/// What comes before every slot that expires at a moment or later.
fn first(namespace: u32, expires: Timestamp) -> Due {
    Due {
        namespace,
        expires,
        slot: 0,
    }
}
