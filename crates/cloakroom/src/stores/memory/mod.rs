//! Keeps sessions in the memory of this process: bounded, sharded, gone when the process ends.
//!
//! # What it costs
//!
//! A load takes one lock among 64 and copies nothing but reference counts. A sweep costs what has expired,
//! not what lives, and holds no lock for more than a few hundred removals. The room of ended sessions is
//! used again.
//!
//! # When it is full
//!
//! The store never grows past its [`Limit`]. When a write needs room, anonymous sessions go first, the one
//! nearest its expiry before the others. When none is left, the write is refused with
//! [`ErrorKind::Full`](cloakroom_store::ErrorKind::Full) and counted in [`Stats::refused`]. A signed-in
//! session is never dropped to make room.
//!
//! Beside the sessions it keeps up to [`Memory::MAX_COUNTERS`] counters, of how often something was tried. Strangers choose
//! how many that would be, so past it those go that were not tried for longest: whoever wants one forgotten has to have
//! half as many others counted between two tries, each time again.

mod limit;
mod write;

mod evict;
mod list;
mod remove;
mod revoke;
mod sweep;

mod counters;
mod marks;

mod batches;
mod index;
mod key;
mod locks;
mod namespaces;
mod nearest;
mod order;
mod shard;
mod slab;
mod tables;

use std::fmt;
use std::sync::Arc;

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Residence, Revoke, Revoked, Store, Stored,
    Sweep, Swept, Touch, Touched, Write, Written,
};

pub use limit::{Limit, Stats};
use tables::Tables;

/// Keeps sessions in the memory of this process. Cheap to clone; clones share the sessions.
///
/// [`Memory::default`] takes 1 GiB, about two million sessions of a few hundred bytes.
///
/// ```
/// use cloakroom::stores::memory::{Limit, Memory};
///
/// let store = Memory::with_limit(Limit::Sessions(100_000));
/// assert_eq!(store.stats().sessions, 0);
/// ```
#[derive(Clone)]
pub struct Memory(Arc<Tables>);

impl Memory {
    /// The largest record body it takes, in bytes.
    pub const MAX_BODY: usize = 1 << 20;

    /// How many counters it keeps at most: they take some 55 MB (a map of that size, x86-64, 26 November 2026).
    pub const MAX_COUNTERS: usize = 1 << 20;

    /// An empty store that never grows past `limit`.
    pub fn with_limit(limit: Limit) -> Self {
        Self(Arc::new(Tables::new(limit)))
    }

    /// Counts what is kept, and what the limit has cost so far.
    pub fn stats(&self) -> Stats {
        self.0.ledger.stats()
    }
}

impl Default for Memory {
    /// An empty store that takes [`Limit::DEFAULT`].
    fn default() -> Self {
        Self::with_limit(Limit::DEFAULT)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.stats()).finish()
    }
}

// Every verb does its work when it is first polled: there is nothing to cancel half way.
impl Store for Memory {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        Ok(self.0.load(&request))
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.0.write(request)
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        Ok(self.0.touch(&request))
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        Ok(self.0.delete(&request))
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.0.list(&request)
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        Ok(self.0.count(&request))
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.0.revoke(&request)
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        Ok(self.0.sweep(&request))
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new("memory", Residence::Process).max_body(Self::MAX_BODY)
    }
}
