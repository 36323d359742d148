//! Where to look for the anonymous session that expires first, without a lock.

use std::sync::atomic::{AtomicU32, Ordering};

use super::key::SHARDS;

/// Of each shard, a second before which no anonymous session in it is filed. Changed only while the shard is
/// locked, and so exact to whoever has locked it since.
pub(super) struct Nearest([AtomicU32; SHARDS as usize]);

/// What was known of all shards at some moment.
pub(super) struct Known([u32; SHARDS as usize]);

/// There is no anonymous session in the shard.
const NEVER: u32 = u32::MAX;

impl Nearest {
    /// An anonymous session was put into a shard.
    pub(super) fn put(&self, shard: u8, second: u32) {
        let nearest = &self.0[usize::from(shard)];
        // Hardly ever: what is new expires later than what is old.
        if second < nearest.load(Ordering::Relaxed) {
            nearest.store(capped(second), Ordering::Relaxed);
        }
    }

    /// The first anonymous session in a shard was found, or that there is none.
    pub(super) fn found(&self, shard: u8, second: Option<u32>) {
        self.0[usize::from(shard)].store(second.map_or(NEVER, capped), Ordering::Relaxed);
    }

    /// What is known of all shards.
    pub(super) fn known(&self) -> Known {
        Known(self.0.each_ref().map(|second| second.load(Ordering::Relaxed)))
    }
}

impl Default for Nearest {
    fn default() -> Self {
        Self([const { AtomicU32::new(NEVER) }; SHARDS as usize])
    }
}

impl Known {
    /// The shard to look into: the one that may have what expires first.
    pub(super) fn first(&self) -> Option<u8> {
        let seconds = (0..SHARDS).zip(self.0);
        let (shard, second) = seconds.min_by_key(|(_, second)| *second)?;
        (second != NEVER).then_some(shard)
    }

    /// Learns what is first in a shard, and answers whether that was known.
    pub(super) fn learn(&mut self, shard: u8, second: Option<u32>) -> bool {
        let known = &mut self.0[usize::from(shard)];
        let second = second.map_or(NEVER, capped);
        let as_known = second <= *known;
        *known = second;
        as_known
    }
}

fn capped(second: u32) -> u32 {
    second.min(NEVER - 1)
}
