//! Which sessions were written, for stores that cannot say which there are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom::store::{
    AnyStore, Capabilities, Count, Delete, Deleted, Error, Id, List, Load, Namespace, Page, Revoke, Revoked,
    Store, Stored, Sweep, Swept, Touch, Touched, Write, Written,
};

/// Stands in front of a store and remembers which sessions were ever written to it.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    inner: AnyStore,
    written: Arc<Mutex<BTreeSet<Id>>>,
}

impl Ledger {
    pub(crate) fn before(inner: AnyStore) -> Self {
        Self {
            inner,
            written: Arc::default(),
        }
    }

    /// The same ledger, of what is written to that store by another way.
    pub(crate) fn of(&self, way: impl Store) -> Self {
        Self {
            inner: AnyStore::new(way),
            written: Arc::clone(&self.written),
        }
    }

    /// How many sessions there are: of all that were ever written, those that can still be loaded.
    pub(crate) async fn count(&self, namespace: &Namespace) -> u64 {
        let mut kept = 0;
        for id in self.ids() {
            let load = Load::new(namespace.clone(), id);
            kept += u64::from(self.inner.load(load).await.unwrap().is_some());
        }
        kept
    }

    /// The sessions that were ever written.
    pub(crate) fn ids(&self) -> BTreeSet<Id> {
        self.written().clone()
    }

    fn written(&self) -> MutexGuard<'_, BTreeSet<Id>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Ledger {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.inner.load(request).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.written().insert(request.id);
        self.inner.write(request).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.inner.touch(request).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.inner.delete(request).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.inner.list(request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.inner.count(request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.inner.revoke(request).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.inner.sweep(request).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.inner.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
