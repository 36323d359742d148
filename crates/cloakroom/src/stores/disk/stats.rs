//! What the writer has done, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the writer of a [`Disk`](super::Disk) store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// How many writes, touches, deletions and steps of sweeps and revocations were asked for.
    pub requests: u64,
    /// How many transactions carried them out.
    pub commits: u64,
    /// How many of those were brought to the disk at once, with all before them.
    pub durable_commits: u64,
    /// How often the file was synced.
    pub syncs: u64,
}

/// Counts as it goes.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    commits: AtomicU64,
    durable_commits: AtomicU64,
}

// Relaxed throughout: each counter stands by itself, and guards no other memory.
impl Counters {
    pub(super) fn count_requests(&self, requests: usize) {
        self.requests.fetch_add(requests as u64, Ordering::Relaxed);
    }

    pub(super) fn count_commit(&self, durable: bool) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.durable_commits
            .fetch_add(u64::from(durable), Ordering::Relaxed);
    }

    pub(super) fn stats(&self, syncs: u64) -> Stats {
        Stats {
            requests: self.requests.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            durable_commits: self.durable_commits.load(Ordering::Relaxed),
            syncs,
        }
    }
}
