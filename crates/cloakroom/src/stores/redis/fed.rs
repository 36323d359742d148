//! The store as a near cache sees it: what another server has answered than the one that feeds the cache is not kept.
//!
//! While sentinels promote a replica, the connections that load and the one that feeds find the new primary each in their
//! own time. A copy of what the old one has answered would never be told of as changed: it changes on the new one.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Revoke, Revoked, Store, Stored, Sweep,
    Swept, Touch, Touched, Write, Written,
};

use super::Redis;
use super::server::Live;

/// A store that a server feeds a cache around.
pub(super) struct Fed {
    pub(super) redis: Redis,
    pub(super) feeder: Arc<Feeder>,
}

/// The server that feeds. Locked to compare or replace it.
#[derive(Default)]
pub(super) struct Feeder(Mutex<Option<Arc<Live>>>);

impl Feeder {
    /// From now on it is the server at the other end of this connection.
    pub(super) fn is_now(&self, live: &Arc<Live>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(live));
    }

    fn is(&self, live: &Live) -> bool {
        let feeder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeder.as_ref().is_some_and(|feeder| feeder.is_same_server(live))
    }
}

impl Store for Fed {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        let (found, live) = self.redis.load_from(request).await?;
        Ok(match self.feeder.is(&live) {
            true => found,
            false => found.map(Stored::copied),
        })
    }

    fn write(&self, request: Write) -> impl Future<Output = Result<Written, Error>> + Send {
        self.redis.write(request)
    }

    fn touch(&self, request: Touch) -> impl Future<Output = Result<Touched, Error>> + Send {
        self.redis.touch(request)
    }

    fn delete(&self, request: Delete) -> impl Future<Output = Result<Deleted, Error>> + Send {
        self.redis.delete(request)
    }

    fn list(&self, request: List) -> impl Future<Output = Result<Page, Error>> + Send {
        self.redis.list(request)
    }

    fn count(&self, request: Count) -> impl Future<Output = Result<u64, Error>> + Send {
        self.redis.count(request)
    }

    fn revoke(&self, request: Revoke) -> impl Future<Output = Result<Revoked, Error>> + Send {
        self.redis.revoke(request)
    }

    fn sweep(&self, request: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send {
        self.redis.sweep(request)
    }

    fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send {
        self.redis.ping()
    }

    fn capabilities(&self) -> Capabilities {
        self.redis.capabilities()
    }
}
