//! Marks that fail as they are told to, for tests of what becomes of sessions then.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_store::{
    AnyMarks, Capabilities, Error, ErrorKind, Mark, Marks, MarksOf, News, SetMark, Sweep, Swept, Timestamp,
    Told,
};

use tokio::time::sleep;

use crate::stores::Memory;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goes {
    Through,
    /// It is done, and nobody hears of it.
    ButLosesTheAnswer,
    /// It is done, and the answer never comes.
    ThroughAndHangs,
    /// It is done, and the answer comes a second later.
    ThroughAndIsSlow,
    /// It is done a second later.
    Slowly,
    /// It is refused, and not done.
    Down,
    /// It is not done, and no answer comes.
    Nowhere,
}

/// Marks that fail as they are told to.
#[derive(Clone)]
pub(super) struct Faulty {
    inner: Arc<Mutex<AnyMarks>>,
    state: Arc<State>,
}

struct State {
    always: Mutex<Goes>,
    next: Mutex<VecDeque<Goes>>,
    asked: AtomicUsize,
}

impl Faulty {
    pub(super) fn new(marks: impl Marks) -> Self {
        Self::of(Arc::new(Mutex::new(AnyMarks::new(marks))))
    }

    fn of(inner: Arc<Mutex<AnyMarks>>) -> Self {
        let state = State {
            always: Mutex::new(Goes::Through),
            next: Mutex::default(),
            asked: AtomicUsize::new(0),
        };
        Self {
            inner,
            state: Arc::new(state),
        }
    }

    /// The same marks, where nothing goes wrong.
    pub(super) fn undisturbed(&self) -> Self {
        Self::of(Arc::clone(&self.inner))
    }

    /// What becomes of the next call.
    pub(super) fn next(&self, goes: Goes) {
        self.state.next.lock().unwrap().push_back(goes);
    }

    /// What becomes of the call after the next, which goes through: marks are read before one is set.
    pub(super) fn second(&self, goes: Goes) {
        self.next(Goes::Through);
        self.next(goes);
    }

    /// What becomes of all calls but the next, which goes through.
    pub(super) fn after_one(&self, goes: Goes) {
        self.next(Goes::Through);
        self.always(goes);
    }

    /// What becomes of all calls that are not told otherwise.
    pub(super) fn always(&self, goes: Goes) {
        *self.state.always.lock().unwrap() = goes;
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// It forgets everything, as a server without a disk does.
    pub(super) fn restart(&self) {
        *self.inner.lock().unwrap() = AnyMarks::new(Memory::default());
    }

    async fn call<T>(&self, done: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.state.asked.fetch_add(1, Ordering::SeqCst);
        let always = *self.state.always.lock().unwrap();
        let goes = self.state.next.lock().unwrap().pop_front().unwrap_or(always);
        let failed = || Error::new(ErrorKind::Unavailable, "the test took the marks away");
        match goes {
            Goes::Through => {
                // As over a network: whoever else runs, runs now.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                done.await
            }
            Goes::ButLosesTheAnswer => done.await.and_then(|_| Err(failed())),
            Goes::ThroughAndHangs => {
                done.await?;
                pending().await
            }
            Goes::ThroughAndIsSlow => {
                let answer = done.await;
                sleep(Duration::from_secs(1)).await;
                answer
            }
            Goes::Slowly => {
                sleep(Duration::from_secs(1)).await;
                done.await
            }
            Goes::Down => Err(failed()),
            Goes::Nowhere => pending().await,
        }
    }

    fn inner(&self) -> AnyMarks {
        self.inner.lock().unwrap().clone()
    }
}

impl Marks for Faulty {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        self.call(self.inner().mark(request)).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        self.call(self.inner().marks_of(request)).await
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        self.call(self.inner().news(request)).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        self.call(self.inner().forget(request)).await
    }

    fn card(&self) -> Capabilities {
        self.inner().card()
    }
}

/// Marks with so many to forget that a sweep of them never ends.
pub(super) struct Backlog(pub(super) Memory);

impl Marks for Backlog {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        self.0.mark(request).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        self.0.marks_of(request).await
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        self.0.news(request).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        sleep(Duration::from_secs(1)).await;
        Ok(Swept::new(request.limit.get() as u64, true))
    }

    fn card(&self) -> Capabilities {
        self.0.card()
    }
}
