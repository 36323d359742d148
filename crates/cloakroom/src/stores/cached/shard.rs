//! One part of the copies: found by key, dropped oldest first, never more bytes than it was given.

use std::collections::VecDeque;
use std::time::Duration;

use cloakroom_store::{Namespace, Stored, Timestamp};
use hashbrown::HashTable;
use tokio::time::Instant;

use super::Stats;
use super::change::{Touched, Whose};
use super::copies::Ticket;
use super::gone::Gone;
use super::kept::{Kept, Key, Made, Mark, Slot};

/// One part of the copies.
#[derive(Debug)]
pub(super) struct Shard {
    copies: HashTable<Slot>,
    /// The copies in the order they were made. Some of them are gone, or were made again since.
    order: VecDeque<Made>,
    /// How many copies were made so far.
    made: u64,
    /// Grows with each change that may make an answer under way one from before it.
    changes: u64,
    /// How many calls to the store have begun.
    calls: u64,
    gone: Gone,
    /// No copy expires before this.
    soonest: Timestamp,
    bytes: usize,
    limit: usize,
    staleness: Duration,
    hits: u64,
    misses: u64,
    evicted: u64,
}

impl Shard {
    pub(super) fn new(limit: usize, staleness: Duration) -> Self {
        Self {
            copies: HashTable::new(),
            order: VecDeque::new(),
            made: 0,
            changes: 0,
            calls: 0,
            gone: Gone::default(),
            soonest: Timestamp::MAX,
            bytes: 0,
            limit,
            staleness,
            hits: 0,
            misses: 0,
            evicted: 0,
        }
    }

    /// The copy of a session, if it is young enough.
    pub(super) fn find(&mut self, key: &Key<'_>, now: Instant) -> Option<Stored> {
        let slot = self.copies.find(key.hash, |slot| slot.kept.is(key));
        if let Some(Slot { kept, .. }) = slot.filter(|slot| slot.kept.age(now) < self.staleness) {
            self.hits += 1;
            return Some(kept.stored.clone().copied());
        }
        self.misses += 1;
        None
    }

    /// Begins a call to the store.
    pub(super) fn ticket(&mut self, begun: Instant) -> Ticket {
        self.calls += 1;
        Ticket {
            begun,
            changes: self.changes,
            number: self.calls,
        }
    }

    /// Keeps what a load has found.
    pub(super) fn loaded(&mut self, key: &Key<'_>, ticket: &Ticket, stored: Stored) {
        if ticket.changes != self.changes || self.gone.is_after(key, ticket) {
            return;
        }
        match self.begun(key) {
            // Another load began later: it has seen no less.
            Some(begun) if begun >= ticket.begun => {}
            _ => {
                self.remove(key);
                self.insert(key, ticket.begun, stored);
            }
        }
    }

    /// Drops the copy of a session that a load has not found.
    pub(super) fn found_nothing(&mut self, key: &Key<'_>, ticket: &Ticket) {
        if self.begun(key).is_some() {
            self.changed(key);
        } else {
            // Not counted as a change: whoever guesses tokens must not keep others from theirs.
            self.gone.note(key, ticket);
        }
    }

    /// Replaces the copy of a session that was written, or drops it where that may not be the last word.
    pub(super) fn wrote(&mut self, key: &Key<'_>, ticket: &Ticket, stored: Option<Stored>) {
        let first = ticket.changes == self.changes && !self.gone.is_after(key, ticket);
        // What was asked for during the write may be from before it, or from after the next one.
        let alone = self.begun(key).is_none_or(|begun| begun <= ticket.begun);
        self.changed(key);
        if let Some(stored) = stored.filter(|_| first && alone) {
            self.insert(key, ticket.begun, stored);
        }
    }

    /// Moves the copy of a session that was touched, or drops it where it is of another revision.
    pub(super) fn touched(&mut self, key: &Key<'_>, touched: Touched) {
        self.changes += 1;
        let slot = self.copies.find_mut(key.hash, |slot| slot.kept.is(key));
        match slot.filter(|slot| slot.kept.stored.revision == touched.seen) {
            Some(Slot { kept, .. }) => {
                let Stored { revision, record, .. } = &mut kept.stored;
                *revision = touched.revision;
                record.last_seen = record.last_seen.max(touched.last_seen);
                record.expires = record.expires.max(touched.expires);
            }
            None => self.remove(key),
        }
    }

    /// Drops the copy of a session that has changed.
    pub(super) fn changed(&mut self, key: &Key<'_>) {
        self.changes += 1;
        self.remove(key);
    }

    /// Drops the copies in a namespace that are these.
    pub(super) fn drop_these(&mut self, namespace: &Namespace, whose: &Whose) {
        self.changes += 1;
        if matches!(whose, Whose::ExpiredBefore(moment) if *moment <= self.soonest) {
            return; // A sweep comes in many steps, and copies are of what lives.
        }
        let mark = match whose {
            Whose::Principal(principal) => Some(Mark::of(Some(principal))),
            _ => None,
        };
        let bytes = &mut self.bytes;
        let mut soonest = Timestamp::MAX;
        self.copies.retain(|Slot { mark: marked, kept }| {
            if mark.is_some_and(|mark| *marked != mark && *marked != Mark::NOBODY) {
                return true;
            }
            let record = &kept.stored.record;
            let goes = kept.namespace == *namespace && whose.is(record);
            if goes {
                *bytes -= kept.cost();
            } else {
                soonest = record.expires.min(soonest);
            }
            !goes
        });
        if mark.is_none() {
            self.soonest = soonest;
        }
    }

    /// Drops all copies.
    pub(super) fn clear(&mut self) {
        self.changes += 1;
        self.copies.clear();
        self.order.clear();
        self.bytes = 0;
    }

    pub(super) fn count(&self, stats: &mut Stats) {
        stats.copies += self.copies.len() as u64;
        stats.bytes += self.bytes as u64;
        stats.hits += self.hits;
        stats.misses += self.misses;
        stats.evicted += self.evicted;
    }

    /// When the store was asked for the copy that is there.
    fn begun(&self, key: &Key<'_>) -> Option<Instant> {
        let slot = self.copies.find(key.hash, |slot| slot.kept.is(key))?;
        Some(slot.kept.begun)
    }

    /// Makes a copy where there is none, and room for it.
    fn insert(&mut self, key: &Key<'_>, begun: Instant, stored: Stored) {
        self.made += 1;
        let made = Made {
            hash: key.hash,
            number: self.made,
        };
        let kept = Kept {
            made,
            namespace: key.namespace.clone(),
            id: key.id,
            begun,
            stored,
        };
        let cost = kept.cost();
        if cost > self.limit {
            return;
        }
        self.drop_too_old(begun);
        while self.bytes + cost > self.limit {
            self.evict();
        }
        self.bytes += cost;
        self.soonest = kept.stored.record.expires.min(self.soonest);
        let slot = Slot {
            mark: Mark::of(kept.stored.record.principal.as_ref()),
            kept: Box::new(kept),
        };
        self.copies
            .insert_unique(key.hash, slot, |slot| slot.kept.made.hash);
        self.order.push_back(made);
        self.forget_gone();
    }

    fn remove(&mut self, key: &Key<'_>) {
        if let Ok(entry) = self.copies.find_entry(key.hash, |slot| slot.kept.is(key)) {
            let (slot, _) = entry.remove();
            self.bytes -= slot.kept.cost();
        }
    }

    /// Drops the oldest copy.
    fn evict(&mut self) {
        let Some(oldest) = self.order.pop_front() else {
            return self.clear(); // Each copy is in the order: there is none.
        };
        self.evicted += u64::from(self.take(oldest));
    }

    /// Drops the oldest copies that no load will be answered with. A few each time, as one is made: none is left in the
    /// end, and nobody waits for many.
    fn drop_too_old(&mut self, now: Instant) {
        for _ in 0..4 {
            let Some(oldest) = self.order.front().copied() else {
                return;
            };
            let slot = self.copies.find(oldest.hash, |slot| slot.kept.made == oldest);
            if slot.is_some_and(|slot| slot.kept.age(now) < self.staleness) {
                return;
            }
            self.order.pop_front();
            self.take(oldest);
        }
    }

    /// Drops a copy, unless it is gone already.
    fn take(&mut self, made: Made) -> bool {
        let found = self.copies.find_entry(made.hash, |slot| slot.kept.made == made);
        let taken = found.map(|entry| entry.remove().0);
        if let Ok(slot) = &taken {
            self.bytes -= slot.kept.cost();
        }
        taken.is_ok()
    }

    /// Takes out of the order what is gone, once that is the greater part of it.
    fn forget_gone(&mut self) {
        if self.order.len() > 2 * self.copies.len() + 64 {
            let copies = &self.copies;
            self.order
                .retain(|made| copies.find(made.hash, |slot| slot.kept.made == *made).is_some());
        }
    }
}
