//! The store as a near cache sees it: what another server has answered than the one that feeds the cache is not kept.
//!
//! While sentinels promote a replica, the connections that load and write and the one that feeds find the new primary each
//! in their own time. A copy of what the old one has answered would never be told of as changed: it changes on the new one.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, Id, List, Load, Namespace, Page, Revoke, Revoked, Store,
    Stored, Sweep, Swept, Touch, Touched, Write, Written,
};

use super::super::cached::Invalidations;
use super::Redis;
use super::server::Live;

/// A store that a server feeds a cache around.
pub(super) struct Fed {
    pub(super) redis: Redis,
    pub(super) feeder: Arc<Feeder>,
}

/// Who feeds the cache: nobody until the first connection is there, and until then the cache keeps nothing.
#[derive(Default)]
pub(super) struct Feeder(Mutex<Option<Feeding>>);

struct Feeding {
    /// The server, and our connection to it.
    live: Arc<Live>,
    told: Weak<Invalidations>,
}

impl Feeder {
    /// From now on it is the server at the other end of this connection.
    pub(super) fn is_now(&self, live: &Arc<Live>, told: &Arc<Invalidations>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Feeding {
            live: Arc::clone(live),
            told: Arc::downgrade(told),
        });
    }

    /// Sees to it that what was loaded from this server is not kept, unless it is the one that feeds.
    fn was_answered_by(&self, live: &Live, namespace: &Namespace, id: Id) {
        self.tell(namespace, id, |feeding| !feeding.live.is_same_server(live));
    }

    /// Sees to it that what was written is not kept, whoever has taken it: the server that feeds tells of its own, too.
    fn was_written(&self, namespace: &Namespace, id: Id) {
        self.tell(namespace, id, |_| true);
    }

    /// Tells the cache of a change, so that it does not keep the answer to a call that is under way.
    fn tell(&self, namespace: &Namespace, id: Id, is_one: impl Fn(&Feeding) -> bool) {
        let feeding = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = feeding.as_ref().filter(|feeding| is_one(feeding));
        if let Some(told) = one.and_then(|feeding| feeding.told.upgrade()) {
            told.changed(namespace, id);
        }
    }
}

impl Store for Fed {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        let (namespace, id) = (request.namespace.clone(), request.id);
        let (found, live) = self.redis.load_from(request).await?;
        self.feeder.was_answered_by(&live, &namespace, id);
        Ok(found)
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        let (namespace, id) = (request.namespace.clone(), request.id);
        let written = self.redis.write(request).await?;
        self.feeder.was_written(&namespace, id);
        Ok(written)
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
