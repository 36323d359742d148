//! A store that is down, or whose answers are lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::store::{
    Capabilities, Count, Delete, Deleted, Error as StoreError, ErrorKind as StoreErrorKind, List, Load, Mark,
    Marks, MarksOf, News, Page, Revoke, Revoked, SetMark, Store, Stored, Sweep, Swept, Timestamp, Told,
    Touch, Touched, Write, Written,
};
use cloakroom::stores::Memory;

/// A store in memory that can fail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failing {
    store: Memory,
    fault: Arc<Mutex<Fault>>,
    loads: Arc<AtomicUsize>,
}

/// How it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It answers nothing but that it is down.
    IsDown,
    /// It does the next write or ending, and the answer is lost.
    LosesReply,
    /// It does all writes and endings, and no answer arrives.
    LosesReplies,
    /// None, but a millisecond passes before it says what it has.
    TakesItsTime,
}

impl Failing {
    pub(crate) fn has(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// How often it was asked for a session since somebody last asked.
    pub(crate) fn loads(&self) -> usize {
        self.loads.swap(0, Ordering::SeqCst)
    }

    fn fails(&self, fault: Fault) -> bool {
        *self.fault.lock().unwrap() == fault
    }

    async fn change<T>(&self, change: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.fails(Fault::IsDown) {
            return down();
        }
        let answer = change.await;
        if self.fails(Fault::LosesReply) {
            self.has(Fault::None);
            return down();
        }
        match self.fails(Fault::LosesReplies) {
            true => down(),
            false => answer,
        }
    }
}

fn down<T>() -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::Unavailable, "it is down"))
}

impl Store for Failing {
    async fn load(&self, load: Load) -> Result<Option<Stored>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        if self.fails(Fault::IsDown) {
            return down();
        }
        if self.fails(Fault::TakesItsTime) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.store.load(load).await
    }

    async fn write(&self, write: Write) -> Result<Written, StoreError> {
        self.change(self.store.write(write)).await
    }

    async fn touch(&self, touch: Touch) -> Result<Touched, StoreError> {
        self.store.touch(touch).await
    }

    async fn delete(&self, delete: Delete) -> Result<Deleted, StoreError> {
        self.change(self.store.delete(delete)).await
    }

    async fn list(&self, list: List) -> Result<Page, StoreError> {
        self.store.list(list).await
    }

    async fn count(&self, count: Count) -> Result<u64, StoreError> {
        self.store.count(count).await
    }

    async fn revoke(&self, revoke: Revoke) -> Result<Revoked, StoreError> {
        self.change(self.store.revoke(revoke)).await
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

impl Marks for Failing {
    async fn mark(&self, mark: SetMark) -> Result<Mark, StoreError> {
        if self.fails(Fault::IsDown) {
            return down();
        }
        self.store.mark(mark).await
    }

    async fn marks_of(&self, of: MarksOf) -> Result<Timestamp, StoreError> {
        self.store.marks_of(of).await
    }

    async fn news(&self, news: News) -> Result<Told, StoreError> {
        if self.fails(Fault::IsDown) {
            return down();
        }
        self.store.news(news).await
    }

    async fn forget(&self, sweep: Sweep) -> Result<Swept, StoreError> {
        self.store.forget(sweep).await
    }

    fn card(&self) -> Capabilities {
        self.store.card()
    }
}
