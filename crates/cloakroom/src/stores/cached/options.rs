//! What a near cache is made with.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{AnyStore, Store};

use super::copies::Copies;
use super::{Cached, Invalidations};

/// How a [`Cached`] store is made. The default keeps no copies.
///
/// ```
/// use std::time::Duration;
/// use cloakroom::stores::cached::CachedOptions;
/// # use cloakroom_store::Store;
///
/// # fn example(store: impl Store) {
/// let store = CachedOptions::default()
///     .staleness(Duration::from_secs(5))
///     .bytes(16 << 20)
///     .around(store);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CachedOptions {
    staleness: Duration,
    bytes: usize,
}

impl CachedOptions {
    /// Sets how old a copy may be that still answers a load; zero unless said otherwise, which keeps none.
    ///
    /// A session that was ended or revoked by another process goes on in this one for so long, at most.
    #[must_use]
    pub fn staleness(mut self, staleness: Duration) -> Self {
        self.staleness = staleness;
        self
    }

    /// Sets how many bytes all copies may take together; 64 MiB unless said otherwise, about 90,000 sessions of 400
    /// bytes.
    ///
    /// A session that is larger than a 64th of it is not kept.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Keeps copies in front of this store, as the options say.
    pub fn around(self, store: impl Store) -> Cached {
        Cached {
            inner: AnyStore::new(store),
            copies: (!self.staleness.is_zero()).then(|| Arc::new(Copies::new(self.staleness, self.bytes))),
        }
    }

    /// Keeps copies in front of this store while a feed tells what other processes change in it.
    ///
    /// None is kept until [`Invalidations::connected`] was called.
    pub fn around_fed(self, store: impl Store) -> (Cached, Invalidations) {
        let cached = self.around(store);
        let invalidations = Invalidations::new(cached.copies.as_ref());
        (cached, invalidations)
    }
}

impl Default for CachedOptions {
    fn default() -> Self {
        Self {
            staleness: Duration::ZERO,
            bytes: 64 << 20,
        }
    }
}
