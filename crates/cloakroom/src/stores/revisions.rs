//! Mints revisions that no other process mints, for stores whose server does not.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_store::Revision;

/// Mints revisions: 64 bits that look random, different for each call and each process.
///
/// Not a counter in the store: a server that fails over without its last writes would count again from where its
/// replica was, and a stale writer would find the revision it has seen on something else.
#[derive(Debug)]
pub(crate) struct Revisions {
    /// Keyed with randomness of the operating system, once for each process and store.
    keyed: RandomState,
    next: AtomicU64,
}

impl Revisions {
    /// A revision that was never minted before, but with the odds of two random numbers of 64 bits.
    pub(crate) fn mint(&self) -> Revision {
        Revision::new(self.keyed.hash_one(self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Default for Revisions {
    fn default() -> Self {
        Self {
            keyed: RandomState::new(),
            next: AtomicU64::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn none_is_minted_twice() {
        let minters = [Revisions::default(), Revisions::default()];
        let minted: HashSet<_> = (0..20_000).map(|n| minters[n % 2].mint()).collect();
        assert_eq!(minted.len(), 20_000);
    }
}
