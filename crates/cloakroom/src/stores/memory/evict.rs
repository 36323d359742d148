//! Making room when the store is full: anonymous sessions go first, signed-in ones never.

use std::sync::MutexGuard;

use cloakroom_store::{Error, ErrorKind, Timestamp};

use super::key::Key;
use super::limit::Cost;
use super::locks;
use super::shard::Shard;
use super::tables::Tables;

impl Tables {
    /// Drops anonymous sessions, nearest their expiry first, until `old` may become `new`.
    ///
    /// Called without a lock on any session. The room is not taken but only made, and may be gone to somebody
    /// else: the caller tries again, and again calls this. It keeps the turn until it has written, so that
    /// who is next finds its session instead of room that is taken by none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Full`] when there was none left to drop but the one that is being written.
    pub(super) fn make_room<'a>(
        &'a self,
        turn: &mut Option<MutexGuard<'a, ()>>,
        writing: &Key<'_>,
        old: Cost,
        new: Cost,
    ) -> Result<(), Error> {
        turn.get_or_insert_with(|| locks::lock(&self.evicting));
        if self.ledger.fits(old, new) {
            return Ok(());
        }
        if self.ledger.takes(new) && self.evict(writing, old, new) {
            return Ok(());
        }
        self.ledger.count_refused();
        Err(Error::new(
            ErrorKind::Full,
            "the memory store is full, and no anonymous session is left to drop: raise its limit",
        ))
    }

    /// Whether any session was dropped.
    fn evict(&self, writing: &Key<'_>, old: Cost, new: Cost) -> bool {
        let nearest = |shard: &Shard| shard.nearest_anonymous(writing).map(|(expires, _)| expires);
        let mut nearest_of: Vec<Option<Timestamp>> = self
            .shards
            .iter()
            .map(|shard| nearest(&locks::lock(shard)))
            .collect();
        let mut evicted = false;
        while let Some(number) = first(&nearest_of) {
            let mut shard = locks::lock(&self.shards[number]);
            let victim = shard.nearest_anonymous(writing);
            let victim = victim.map(|(_, slot)| shard.remove(slot));
            nearest_of[number] = nearest(&shard);
            drop(shard);
            if let Some(victim) = victim {
                self.ledger.release(Cost::of(&victim.record));
                self.ledger.count_evicted();
                evicted = true;
            }
            if self.ledger.fits(old, new) {
                break;
            }
        }
        evicted
    }
}

/// The position of the earliest.
fn first(nearest_of: &[Option<Timestamp>]) -> Option<usize> {
    let known = |(number, expires): (usize, &Option<Timestamp>)| Some(((*expires)?, number));
    let earliest = nearest_of.iter().enumerate().filter_map(known).min();
    earliest.map(|(_, number)| number)
}
