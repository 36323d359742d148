//! The bound of the store, and the ledger that keeps to it exactly.

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_store::Record;

/// How much a [`Memory`](super::Memory) store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// So many sessions, whatever their size.
    Sessions(u64),
    /// So many bytes: of each session its body, principal and label, and what keeping and finding it costs,
    /// within a few percent of what the process takes for it.
    Bytes(u64),
}

impl Limit {
    /// 1 GiB.
    pub const DEFAULT: Self = Self::Bytes(1 << 30);
}

/// What a [`Memory`](super::Memory) store keeps, and what its limit has cost since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// How many sessions are kept, expired ones that no sweep has removed included.
    pub sessions: u64,
    /// How many bytes they take, as [`Limit::Bytes`] counts them.
    pub bytes: u64,
    /// How many anonymous sessions were dropped to make room.
    pub evicted: u64,
    /// How many writes were refused because there was no room left to make.
    pub refused: u64,
}

/// What one or more sessions take of the limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    sessions: u64,
    bytes: u64,
}

impl Cost {
    /// Slot, bucket, order and the allocation of the body: as measured by `examples/memory_footprint.rs`.
    const SESSION: usize = 160;
    /// The allocation of the principal, and its place in the index.
    const PRINCIPAL: usize = 86;
    /// The allocation of the label.
    const LABEL: usize = 32;

    /// What keeping this record takes. The same record always takes the same.
    pub(super) fn of(record: &Record) -> Self {
        let principal = record.principal.as_ref();
        let label = record.label.as_ref();
        let bytes = Self::SESSION
            + record.body.len()
            + principal.map_or(0, |principal| Self::PRINCIPAL + principal.as_str().len())
            + label.map_or(0, |label| Self::LABEL + label.as_str().len());
        Self {
            sessions: 1,
            bytes: bytes as u64,
        }
    }

    /// What both take together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Counts what is kept. The limit is exact: room is taken before a session is, in one atomic step.
pub(super) struct Ledger {
    limit: Limit,
    sessions: AtomicU64,
    bytes: AtomicU64,
    evicted: AtomicU64,
    refused: AtomicU64,
}

impl Ledger {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            sessions: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Gives back the room of `old` and takes that of `new`; does nothing and says no where it would not fit.
    #[must_use]
    pub(super) fn exchange(&self, old: Cost, new: Cost) -> bool {
        match self.limit {
            Limit::Sessions(limit) => {
                let fits = add_within(&self.sessions, old.sessions, new.sessions, limit);
                if fits {
                    add(&self.bytes, old.bytes, new.bytes);
                }
                fits
            }
            Limit::Bytes(limit) => {
                let fits = add_within(&self.bytes, old.bytes, new.bytes, limit);
                if fits {
                    add(&self.sessions, old.sessions, new.sessions);
                }
                fits
            }
        }
    }

    /// Gives back room.
    pub(super) fn release(&self, cost: Cost) {
        add(&self.sessions, cost.sessions, 0);
        add(&self.bytes, cost.bytes, 0);
    }

    /// Whether [`exchange`](Self::exchange) would say yes now.
    pub(super) fn fits(&self, old: Cost, new: Cost) -> bool {
        let (counter, old, new, limit) = match self.limit {
            Limit::Sessions(limit) => (&self.sessions, old.sessions, new.sessions, limit),
            Limit::Bytes(limit) => (&self.bytes, old.bytes, new.bytes, limit),
        };
        grown(counter.load(Ordering::Relaxed), old, new, limit).is_some()
    }

    /// Whether this much could ever fit.
    pub(super) fn takes(&self, cost: Cost) -> bool {
        match self.limit {
            Limit::Sessions(limit) => cost.sessions <= limit,
            Limit::Bytes(limit) => cost.bytes <= limit,
        }
    }

    /// Counts a session that was dropped to make room.
    pub(super) fn count_evicted(&self) {
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a write that was refused.
    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            sessions: self.sessions.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

// Relaxed throughout: each counter is decided by itself, and guards no other memory.

fn add_within(counter: &AtomicU64, old: u64, new: u64, limit: u64) -> bool {
    if new <= old {
        add(counter, old, new);
        return true;
    }
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            grown(used, old, new, limit)
        })
        .is_ok()
}

fn add(counter: &AtomicU64, old: u64, new: u64) {
    if new != old {
        counter.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
    }
}

/// What is used after `old` became `new`. To shrink is always allowed.
fn grown(used: u64, old: u64, new: u64, limit: u64) -> Option<u64> {
    let after = used - old + new;
    (new <= old || after <= limit).then_some(after)
}
