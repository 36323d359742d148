//! Which sessions a principal has.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::iter;
use std::sync::{Mutex, MutexGuard};

use cloakroom_store::{Namespace, Principal};
use hashbrown::HashTable;

use super::key::{Place, SHARDS};
use super::locks::{self, Locked};
use super::namespaces::Namespaces;
use super::slab::Slab;

/// Finds the sessions of a principal.
///
/// A signed-in session comes, goes and changes its principal only while its principal's shard of the index
/// is locked. So whoever holds that lock knows all of a principal's sessions, and that their places stay.
pub(super) struct Index {
    shards: Box<[Mutex<IndexShard>]>,
    /// Keyed at random: a principal may be a name that somebody chose.
    hasher: RandomState,
}

/// A principal, and where in the index it is.
pub(super) struct Who<'a> {
    namespace: &'a Namespace,
    principal: &'a Principal,
    /// The number of its shard.
    pub(super) shard: u8,
    hash: u32,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            shards: iter::repeat_with(Mutex::default)
                .take(usize::from(SHARDS))
                .collect(),
            hasher: RandomState::new(),
        }
    }

    /// Where a principal is.
    pub(super) fn who<'a>(&self, namespace: &'a Namespace, principal: &'a Principal) -> Who<'a> {
        let hash = self.hasher.hash_one(principal);
        Who {
            namespace,
            principal,
            shard: (hash >> 32) as u8 % SHARDS,
            hash: hash as u32,
        }
    }

    /// Locks the sessions of one principal.
    pub(super) fn lock(&self, who: &Who<'_>) -> MutexGuard<'_, IndexShard> {
        locks::lock(&self.shards[usize::from(who.shard)])
    }

    /// Locks the sessions of several principals.
    pub(super) fn lock_all<'a>(&self, who: impl IntoIterator<Item = &'a Who<'a>>) -> Locked<'_, IndexShard> {
        Locked::new(&self.shards, who.into_iter().map(|who| who.shard))
    }
}

/// One part of the index. Kept apart from its neighbours in memory, as each has its own lock.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct IndexShard {
    holders: Slab<Holder>,
    by_principal: HashTable<u32>,
    namespaces: Namespaces,
}

/// A principal that has at least one session.
struct Holder {
    principal: Principal,
    sessions: Sessions,
    namespace: u32,
    /// Kept so that a growing table need not look at the text.
    hash: u32,
}

// There may be as many as sessions: know what a field costs before adding one.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Holder>() == 40);

/// Most principals have one session, and pay for one.
enum Sessions {
    One(Place),
    #[allow(clippy::box_collection)] // the set would make the common case wider by two words
    Many(Box<BTreeSet<Place>>),
}

impl IndexShard {
    /// Adds a session that the principal did not have.
    pub(super) fn add(&mut self, who: &Who<'_>, place: Place) {
        match self.find(who) {
            Some(slot) => self.holders[slot].sessions.add(place),
            None => {
                let slot = self.holders.insert(Holder {
                    principal: who.principal.clone(),
                    sessions: Sessions::One(place),
                    namespace: self.namespaces.number(who.namespace),
                    hash: who.hash,
                });
                let rehash = |&slot: &u32| spread(self.holders[slot].hash);
                self.by_principal.insert_unique(spread(who.hash), slot, rehash);
            }
        }
    }

    /// Takes out a session that the principal had.
    pub(super) fn remove(&mut self, who: &Who<'_>, place: Place) {
        let Some(slot) = self.find(who) else { return };
        if self.holders[slot].sessions.remove(place) {
            return;
        }
        self.holders.remove(slot);
        let bucket = self
            .by_principal
            .find_entry(spread(who.hash), |&other| other == slot);
        if let Ok(bucket) = bucket {
            bucket.remove();
        }
    }

    /// The text of the principal, as other sessions already share it.
    pub(super) fn shared(&self, who: &Who<'_>) -> Option<Principal> {
        let slot = self.find(who)?;
        Some(self.holders[slot].principal.clone())
    }

    /// At most so many of the principal's sessions, in order from a place on.
    pub(super) fn places(&self, who: &Who<'_>, from: Place, at_most: usize) -> Vec<Place> {
        match self.find(who).map(|slot| &self.holders[slot].sessions) {
            None => Vec::new(),
            Some(Sessions::One(place)) => iter::once(*place)
                .filter(|place| *place >= from)
                .take(at_most)
                .collect(),
            Some(Sessions::Many(places)) => places.range(from..).take(at_most).copied().collect(),
        }
    }

    fn find(&self, who: &Who<'_>) -> Option<u32> {
        let namespace = self.namespaces.find(who.namespace)?;
        let same = |&slot: &u32| {
            let holder = &self.holders[slot];
            holder.hash == who.hash && holder.namespace == namespace && holder.principal == *who.principal
        };
        self.by_principal.find(spread(who.hash), same).copied()
    }
}

impl Sessions {
    fn add(&mut self, place: Place) {
        match self {
            Self::One(first) => *self = Self::Many(Box::new([*first, place].into())),
            Self::Many(places) => {
                places.insert(place);
            }
        }
    }

    /// Whether any are left without this one.
    fn remove(&mut self, place: Place) -> bool {
        match self {
            Self::One(only) => *only != place,
            Self::Many(places) => {
                places.remove(&place);
                !places.is_empty()
            }
        }
    }
}

/// Makes 32 random bits fill 64, as a table takes its tag from the high ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
