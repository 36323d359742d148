//! Ending many sessions, shard by shard and only a few under each lock.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU8, Ordering};

use cloakroom_store::Namespace;

use super::key::{Place, SHARDS};
use super::limit::Cost;
use super::locks;
use super::shard::{Found, Session, Shard};
use super::tables::Tables;

/// How many sessions end under one lock.
const BATCH: usize = 256;

impl Tables {
    /// Ends what `find` finds and is still `meant`, at most so many; answers how many, and whether more
    /// remain.
    ///
    /// `find` looks into a shard from some slot on and stops at so many. It begins in the shard where the
    /// last call stopped, so that what was looked through is not looked through by every call.
    pub(super) fn end_found(
        &self,
        namespace: &Namespace,
        begin: &AtomicU8,
        at_most: usize,
        find: impl Fn(&mut Shard, u32, usize) -> Found,
        meant: impl Fn(&Session) -> bool,
    ) -> (u64, bool) {
        let (mut ended, mut left) = (0, at_most);
        let first = begin.load(Ordering::Relaxed);
        for number in (first..SHARDS).chain(0..first) {
            let mut from = Some(0);
            while let Some(slot) = from {
                let mut shard = locks::lock(self.shard(number));
                // With nothing left to end, one more is looked for, only to say whether there is one.
                let found = find(&mut shard, slot, left.clamp(1, BATCH));
                if left > 0 {
                    let count = self.end_slots(namespace, number, shard, &found.slots, &meant);
                    ended += count as u64;
                    left -= count;
                } else if !found.slots.is_empty() {
                    begin.store(number, Ordering::Relaxed);
                    return (ended, true);
                }
                from = found.next;
            }
        }
        (ended, false)
    }

    /// Ends the sessions in these slots: those of nobody at once, the others through the index.
    fn end_slots(
        &self,
        namespace: &Namespace,
        number: u8,
        mut shard: MutexGuard<'_, Shard>,
        slots: &[u32],
        meant: impl Fn(&Session) -> bool,
    ) -> usize {
        let mut anonymous = Vec::new();
        let mut signed_in = Vec::new();
        for &slot in slots {
            match shard.session(slot).record.principal.clone() {
                None => anonymous.push(shard.remove(slot)),
                Some(principal) => signed_in.push((principal, slot)),
            }
        }
        drop(shard); // before the sessions are freed
        for session in &anonymous {
            self.ledger.release(Cost::of(&session.record));
        }
        let end = |(principal, slot): &(_, u32)| {
            let place = Place {
                shard: number,
                slot: *slot,
            };
            self.end_of(namespace, principal, place, &meant)
        };
        anonymous.len() + signed_in.iter().filter(|found| end(found)).count()
    }
}
