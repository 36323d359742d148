//! Keeps copies of what this process reads again and again, in front of any store: a near cache.
//!
//! ```
//! use std::time::Duration;
//! use cloakroom::stores::cached::CachedOptions;
//! # use cloakroom_store::Store;
//!
//! # fn example(store: impl Store) {
//! let store = CachedOptions::default()
//!     .staleness(Duration::from_secs(2))
//!     .around(store);
//! # }
//! ```
//!
//! Without a staleness nothing is kept, and every verb goes straight through.
//!
//! # What it gives
//!
//! A page that loads its session twenty times costs the store one read, and while the store is away, sessions that were
//! read a moment ago can still be read.
//!
//! # What is stale, and for how long
//!
//! What this process has written, touched, ended or revoked through the cache is seen at once, by everyone who holds a
//! clone of it. What another process does is seen within the staleness: **a session that was ended there goes on here
//! for so long**. The time counts from before the store was asked, so a slow answer is no younger for it. It is measured by
//! a clock that stands on Linux while the machine is suspended: a copy from before has afterwards what was left of its time.
//!
//! `Sessions` reads past the cache whenever something depends on it: what was refused is loaded afresh and applied again,
//! `confirm()` asks the store itself, and so does a token that does not fit its copy, for it may be newer.
//!
//! With a [feed](Invalidations) the other processes' writes are seen as soon as the store tells of them, and the
//! staleness is what holds if the feed is silent. When the feed is cut, copies are dropped and none is made until it is
//! back. `Redis::cached` has the server feed the cache, alone or watched by sentinels. `RedisCluster` feeds none: in front
//! of it, as of any other store, the staleness is all there is.
//!
//! # What it costs
//!
//! A hit takes one lock among 64, copies nothing but reference counts, and sends nothing. Everything else costs what it
//! costs without a cache; two loads of one session at the same time are two loads. Revoking and sweeping look through
//! all copies. Copies are as they were in the store: sealed, where it seals.
//!
//! Copies take at most as many bytes as they are [given](CachedOptions::bytes). The oldest copy makes room: it would be
//! the next to go anyway. That a session is missing is never kept, so guessed tokens take no room.
//!
//! The capability card is that of the store within.

mod options;
mod stats;

mod store;

mod invalidations;

mod change;
mod copies;
mod gone;
mod kept;
mod shard;

use std::fmt;
use std::sync::Arc;

use cloakroom_store::{AnyStore, Store as _};

use copies::Copies;
pub use invalidations::Invalidations;
pub use options::CachedOptions;
pub use stats::Stats;

/// A store, and copies of what was read from it. Cheap to clone; clones share the copies.
#[derive(Clone)]
pub struct Cached {
    inner: AnyStore,
    /// None are kept without a staleness.
    copies: Option<Arc<Copies>>,
}

impl Cached {
    /// Counts the copies, and what they have spared the store.
    pub fn stats(&self) -> Stats {
        self.copies
            .as_ref()
            .map_or_else(Stats::default, |copies| copies.stats())
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("store", &self.inner.capabilities().name)
            .field("stats", &self.stats())
            .finish()
    }
}
