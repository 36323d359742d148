//! A store that is down, or whose answers are lost.

use std::sync::{Arc, Mutex};

use cloakroom::store::{
    AnyStore, Capabilities, Count, Delete, Deleted, Error as StoreError, ErrorKind as StoreErrorKind, List,
    Load, Page, Revoke, Revoked, Store, Stored, Sweep, Swept, Touch, Touched, Write, Written,
};
use cloakroom::stores::Memory;

/// A store in memory that can fail.
#[derive(Debug, Clone)]
pub(crate) struct Failing {
    store: AnyStore,
    fault: Arc<Mutex<Fault>>,
}

/// How it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It answers nothing but that it is down.
    IsDown,
    /// It does the next write, and the answer is lost.
    LosesReply,
}

impl Failing {
    pub(crate) fn has(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn fails(&self, fault: Fault) -> bool {
        *self.fault.lock().unwrap() == fault
    }
}

fn down<T>() -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::Unavailable, "it is down"))
}

impl Default for Failing {
    fn default() -> Self {
        Self {
            store: AnyStore::new(Memory::default()),
            fault: Arc::default(),
        }
    }
}

impl Store for Failing {
    async fn load(&self, load: Load) -> Result<Option<Stored>, StoreError> {
        if self.fails(Fault::IsDown) {
            return down();
        }
        self.store.load(load).await
    }

    async fn write(&self, write: Write) -> Result<Written, StoreError> {
        if self.fails(Fault::IsDown) {
            return down();
        }
        let written = self.store.write(write).await;
        if self.fails(Fault::LosesReply) {
            self.has(Fault::None);
            return down();
        }
        written
    }

    async fn touch(&self, touch: Touch) -> Result<Touched, StoreError> {
        self.store.touch(touch).await
    }

    async fn delete(&self, delete: Delete) -> Result<Deleted, StoreError> {
        self.store.delete(delete).await
    }

    async fn list(&self, list: List) -> Result<Page, StoreError> {
        self.store.list(list).await
    }

    async fn count(&self, count: Count) -> Result<u64, StoreError> {
        self.store.count(count).await
    }

    async fn revoke(&self, revoke: Revoke) -> Result<Revoked, StoreError> {
        self.store.revoke(revoke).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, StoreError> {
        self.store.sweep(sweep).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
