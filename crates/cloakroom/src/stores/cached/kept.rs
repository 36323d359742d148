//! One copy, as it is kept.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use cloakroom_store::{Id, Namespace, Principal, Stored};
use tokio::time::Instant;

/// What a copy is found by.
pub(super) struct Key<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) id: Id,
    pub(super) hash: u64,
}

/// A copy's place in the table.
#[derive(Debug)]
pub(super) struct Slot {
    /// Whose it is: here, so that looking for a principal's copies does not fetch them all from memory.
    pub(super) mark: Mark,
    pub(super) kept: Box<Kept>,
}

/// A copy.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) made: Made,
    pub(super) namespace: Namespace,
    pub(super) id: Id,
    /// When the store was asked for it.
    pub(super) begun: Instant,
    pub(super) stored: Stored,
}

/// Which copy it is: where it is found, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) hash: u64,
    pub(super) number: u64,
}

/// Tells principals apart, nearly always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u32);

impl Kept {
    pub(super) fn is(&self, key: &Key<'_>) -> bool {
        self.id == key.id && self.namespace == *key.namespace
    }

    /// How long ago the store was asked for it.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.duration_since(self.begun)
    }

    /// About what the process takes for it: itself, what it points to, its places in table and order, and what an
    /// allocator adds to each.
    pub(super) fn cost(&self) -> usize {
        const ALLOCATION: usize = 32; // the counts of an `Arc`, and the allocator's own
        const PLACES: usize = 2 * size_of::<Made>() + 2 * size_of::<Slot>();
        let record = &self.stored.record;
        let principal = record.principal.as_ref().map(|text| text.as_str().len());
        let label = record.label.as_ref().map(|text| text.as_str().len());
        let texts = [principal, label].into_iter().flatten();
        let pointed_to = texts.chain([record.body.len()]).map(|length| ALLOCATION + length);
        size_of::<Self>() + PLACES + pointed_to.sum::<usize>()
    }
}

impl Mark {
    pub(super) const NOBODY: Self = Self(0);

    pub(super) fn of(principal: Option<&Principal>) -> Self {
        principal.map_or(Self::NOBODY, |principal| {
            let mut hasher = DefaultHasher::new();
            principal.hash(&mut hasher);
            Self(hasher.finish() as u32 | 1)
        })
    }
}
