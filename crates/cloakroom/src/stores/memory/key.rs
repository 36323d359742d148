//! How a session is found: which shard, and which bucket in it.

use cloakroom_store::{Id, Namespace};

/// How many parts the sessions, and the index, are split into: each has its own lock.
pub(super) const SHARDS: u8 = 64;

/// What a session is looked up by.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) id: Id,
    pub(super) hash: u64,
}

impl<'a> Key<'a> {
    pub(super) fn new(namespace: &'a Namespace, id: Id) -> Self {
        Self {
            namespace,
            id,
            hash: hash(id),
        }
    }

    /// The number of the shard the session is in.
    pub(super) fn shard(&self) -> u8 {
        // A table takes its bucket from the low bits and its tag from the high ones: these are neither.
        (self.hash >> 40) as u8 % SHARDS
    }
}

/// Where a session is. It stays there while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) shard: u8,
    pub(super) slot: u32,
}

impl Place {
    /// Where the first session may be.
    pub(super) const FIRST: Self = Self { shard: 0, slot: 0 };
}

/// Spreads an id. Ids are drawn by the server and random: nobody can choose them to collide.
pub(super) fn hash(id: Id) -> u64 {
    let bytes = u128::from_le_bytes(*id.as_bytes());
    let low = bytes as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let high = (bytes >> 64) as u64 ^ 0xbf58_476d_1ce4_e5b9;
    let product = u128::from(low) * u128::from(high);
    product as u64 ^ (product >> 64) as u64
}
