//! The order in which sessions expire, so that a sweep costs what has expired and not what lives.

use std::collections::BTreeSet;

use cloakroom_store::{Principal, Timestamp};

/// The sessions of one namespace in a shard, each filed under the second at which it may expire.
///
/// It is never filed later than it expires, but may be filed earlier: when its expiry moves forward, as with
/// every request, it stays where it is until its time seems to have come, and only then is filed again.
#[derive(Default)]
pub(super) struct Order {
    /// Those of nobody, which may be dropped to make room.
    anonymous: BTreeSet<Due>,
    signed_in: BTreeSet<Due>,
}

/// Sessions of nobody, or of somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Anonymous,
    SignedIn,
}

/// A second and a slot, as one number that compares at once. What comes first may expire first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due(u64);

impl Order {
    /// Files a session.
    pub(super) fn insert(&mut self, half: Half, due: Due) {
        self.half_mut(half).insert(due);
    }

    /// Takes out a session.
    pub(super) fn remove(&mut self, half: Half, due: Due) {
        self.half_mut(half).remove(&due);
    }

    /// How many sessions there are.
    pub(super) fn len(&self) -> usize {
        self.anonymous.len() + self.signed_in.len()
    }

    /// What is filed before or in this second; in the second itself, only slots from this one on.
    pub(super) fn until(&self, half: Half, second: u32, slot: u32) -> impl Iterator<Item = Due> {
        let half = match half {
            Half::Anonymous => &self.anonymous,
            Half::SignedIn => &self.signed_in,
        };
        let before = half.range(..Due::new(second, 0));
        let within = half.range(Due::new(second, slot)..=Due::new(second, u32::MAX));
        before.chain(within).copied()
    }

    /// What of nobody's is filed, first what may expire first.
    pub(super) fn anonymous(&self) -> impl Iterator<Item = Due> {
        self.anonymous.iter().copied()
    }

    fn half_mut(&mut self, half: Half) -> &mut BTreeSet<Due> {
        match half {
            Half::Anonymous => &mut self.anonymous,
            Half::SignedIn => &mut self.signed_in,
        }
    }
}

impl Half {
    /// Where sessions of this principal, or of nobody, are filed.
    pub(super) fn of(principal: Option<&Principal>) -> Self {
        match principal {
            Some(_) => Self::SignedIn,
            None => Self::Anonymous,
        }
    }
}

impl Due {
    pub(super) fn new(second: u32, slot: u32) -> Self {
        Self(u64::from(second) << 32 | u64::from(slot))
    }

    /// The second it is filed under.
    pub(super) fn second(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whose session may expire then.
    pub(super) fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// The second a moment is in; what comes after the year 2106 is all in the last one.
pub(super) fn second(moment: Timestamp) -> u32 {
    u32::try_from(moment.as_unix_millis() / 1000).unwrap_or(u32::MAX)
}
