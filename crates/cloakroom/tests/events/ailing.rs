//! A store of everything, somewhere else, of which single verbs fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cloakroom::store::{
    AddOne, Capabilities, Count, Counters, Delete, Deleted, Error, ErrorKind, List, Load, Mark, Marks,
    MarksOf, News, Page, Residence, Revoke, Revoked, SetMark, Store, Stored, Sweep, Swept, TakeBack,
    Timestamp, Told, Touch, Touched, Write, Written,
};
use cloakroom::stores::Memory;

#[derive(Debug, Clone, Default)]
pub(crate) struct Ailing {
    memory: Memory,
    fails: Arc<Mutex<&'static str>>,
    was_restarted: Arc<AtomicBool>,
    is_held: Arc<AtomicBool>,
}

impl Ailing {
    /// From now on these verbs do what they are asked and lose the answer, and the others work.
    pub(crate) fn fails(&self, verbs: &'static str) {
        *self.fails.lock().unwrap() = verbs;
    }

    /// The next who asks for news is told everything again.
    pub(crate) fn is_restarted(&self) {
        self.was_restarted.store(true, Ordering::SeqCst);
    }

    /// Others have what there is to be swept.
    pub(crate) fn is_held(&self) {
        self.is_held.store(true, Ordering::SeqCst);
    }

    async fn answer<T>(
        &self,
        verb: &str,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let answer = call.await;
        let fails = self
            .fails
            .lock()
            .unwrap()
            .split(' ')
            .any(|failing| failing == verb);
        match fails {
            true => Err(Error::new(ErrorKind::Unavailable, "the answer was lost")),
            false => answer,
        }
    }

    fn capabilities_elsewhere(&self) -> Capabilities {
        let mut card = Store::capabilities(&self.memory);
        card.residence = Residence::Elsewhere;
        card
    }
}

impl Store for Ailing {
    async fn load(&self, load: Load) -> Result<Option<Stored>, Error> {
        self.answer("load", self.memory.load(load)).await
    }

    async fn write(&self, write: Write) -> Result<Written, Error> {
        self.answer("write", self.memory.write(write)).await
    }

    async fn touch(&self, touch: Touch) -> Result<Touched, Error> {
        self.answer("touch", self.memory.touch(touch)).await
    }

    async fn delete(&self, delete: Delete) -> Result<Deleted, Error> {
        self.answer("delete", self.memory.delete(delete)).await
    }

    async fn list(&self, list: List) -> Result<Page, Error> {
        self.memory.list(list).await
    }

    async fn count(&self, count: Count) -> Result<u64, Error> {
        self.memory.count(count).await
    }

    async fn revoke(&self, revoke: Revoke) -> Result<Revoked, Error> {
        self.answer("revoke", self.memory.revoke(revoke)).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Error> {
        let swept = self.answer("sweep", self.memory.sweep(sweep)).await?;
        Ok(match self.is_held.load(Ordering::SeqCst) {
            true => Swept::all_but_held(swept.removed),
            false => swept,
        })
    }

    async fn ping(&self) -> Result<(), Error> {
        self.memory.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities_elsewhere()
    }
}

impl Marks for Ailing {
    async fn mark(&self, mark: SetMark) -> Result<Mark, Error> {
        self.memory.mark(mark).await
    }

    async fn marks_of(&self, of: MarksOf) -> Result<Timestamp, Error> {
        self.memory.marks_of(of).await
    }

    async fn news(&self, news: News) -> Result<Told, Error> {
        let told = self.answer("news", self.memory.news(news)).await?;
        Ok(told.anew(self.was_restarted.swap(false, Ordering::SeqCst)))
    }

    async fn forget(&self, sweep: Sweep) -> Result<Swept, Error> {
        self.answer("forget", Marks::forget(&self.memory, sweep)).await
    }

    fn card(&self) -> Capabilities {
        self.capabilities_elsewhere()
    }
}

impl Counters for Ailing {
    async fn add(&self, add: AddOne) -> Result<u64, Error> {
        self.answer("add", self.memory.add(add)).await
    }

    async fn take_back(&self, take_back: TakeBack) -> Result<(), Error> {
        self.answer("take_back", self.memory.take_back(take_back)).await
    }

    async fn forget(&self, sweep: Sweep) -> Result<Swept, Error> {
        self.answer("forget", Counters::forget(&self.memory, sweep)).await
    }

    fn card(&self) -> Capabilities {
        self.capabilities_elsewhere()
    }
}
