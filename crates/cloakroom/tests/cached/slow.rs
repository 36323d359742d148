//! A store in memory that counts what it is asked, and keeps answers back when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom::stores::Memory;
use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, List, Load, Page, Revoke, Revoked, Store, Stored, Sweep,
    Swept, Touch, Touched, Write, Written,
};
use tokio::sync::watch;

/// A store whose clones are clients of one server, and share what they are told.
#[derive(Clone)]
pub(crate) struct Slow {
    pub(crate) memory: Memory,
    loads: Arc<AtomicUsize>,
    /// Whether requests reach the store, and whether its answers get back.
    requests: watch::Sender<bool>,
    answers: watch::Sender<bool>,
}

impl Default for Slow {
    fn default() -> Self {
        Self {
            memory: Memory::default(),
            loads: Arc::default(),
            requests: watch::Sender::new(true),
            answers: watch::Sender::new(true),
        }
    }
}

impl Slow {
    /// From now on no request arrives.
    pub(crate) fn hold_requests(&self) {
        self.requests.send_replace(false);
    }

    /// From now on requests are carried out, and not answered.
    pub(crate) fn hold_answers(&self) {
        self.answers.send_replace(false);
    }

    /// Everything gets through again.
    pub(crate) fn release(&self) {
        self.requests.send_replace(true);
        self.answers.send_replace(true);
    }

    /// How many loads it was asked for since this was called last.
    pub(crate) fn loads(&self) -> usize {
        self.loads.swap(0, Ordering::SeqCst)
    }

    async fn call<T>(&self, call: impl Future<Output = T> + Send) -> T {
        pass(&self.requests).await;
        let answer = call.await;
        pass(&self.answers).await;
        answer
    }
}

async fn pass(gate: &watch::Sender<bool>) {
    let mut gate = gate.subscribe();
    // It cannot be closed: its sender is borrowed.
    let _ = gate.wait_for(|open| *open).await;
}

impl Store for Slow {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.call(self.memory.load(request)).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        self.call(self.memory.write(request)).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.call(self.memory.touch(request)).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.call(self.memory.delete(request)).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.call(self.memory.list(request)).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.call(self.memory.count(request)).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.call(self.memory.revoke(request)).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.call(self.memory.sweep(request)).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.memory.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }
}
