//! Making room when the store is full: anonymous sessions go first, signed-in ones never.

use std::sync::MutexGuard;

use cloakroom_store::{Error, ErrorKind};

use super::key::Key;
use super::limit::Cost;
use super::locks;
use super::tables::Tables;

impl Tables {
    /// Drops anonymous sessions, nearest their expiry first, until `old` may become `new`.
    ///
    /// Called without a lock on any session. The room is not taken but only made, and may be gone to somebody
    /// else: the caller tries again, and again calls this. It keeps the turn until it has written, so that
    /// who is next finds its session, not room that is taken and no session in it.
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
        if self.ledger.takes(new) {
            if self.evict(writing, old, new) {
                return Ok(());
            }
            // Who took the last room may not have put its session there yet. It does so under a lock that it
            // already held: when that is free, the session is there to be seen.
            for shard in &self.shards {
                drop(locks::lock(shard));
            }
            if self.evict(writing, old, new) {
                return Ok(());
            }
        }
        self.ledger.count_refused();
        Err(Error::new(
            ErrorKind::Full,
            "the memory store is full, and no anonymous session is left to drop: raise its limit",
        ))
    }

    /// Drops what it takes or what there is, and answers whether it dropped any.
    fn evict(&self, writing: &Key<'_>, old: Cost, new: Cost) -> bool {
        let mut evicted = false;
        let mut known = self.nearest.known();
        while let Some(number) = known.first() {
            let mut shard = locks::lock(self.shard(number));
            let but = shard.find(writing).filter(|_| number == writing.shard());
            let first = shard.first_anonymous(but);
            let second = first.map(|(second, _)| second);
            if but.is_none() {
                self.nearest.found(number, second);
            }
            let (Some((_, slot)), true) = (first, known.learn(number, second)) else {
                continue;
            };
            let victim = shard.remove(slot);
            drop(shard); // before the session is freed
            self.ledger.release(Cost::of(&victim.record));
            self.ledger.count_evicted();
            evicted = true;
            if self.ledger.fits(old, new) {
                break;
            }
        }
        evicted
    }
}
