//! What the copies have spared the store.

/// Counts of a [`Cached`](super::Cached) store, since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Whether copies are made: not without a staleness, and not while a feed is cut.
    pub keeping: bool,
    /// How many copies there are now.
    pub copies: u64,
    /// How many bytes they take now.
    pub bytes: u64,
    /// How many loads were answered with a copy.
    pub hits: u64,
    /// How many loads looked for a copy and found none that was young enough.
    pub misses: u64,
    /// How many copies were dropped to make room.
    pub evicted: u64,
}
