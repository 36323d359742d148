//! How sealed sessions are ended: marks in a store, and a copy of them that requests ask.

mod copy;
mod table;
mod turns;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_store::{
    AnyMarks, AnyStore, Cursor, Error as StoreError, ErrorKind as StoreErrorKind, Mark, Marks, MarksOf,
    Namespace, News, Principal, Residence, SetMark, Store, Subject, Timestamp,
};
use tokio::time::Instant;

use crate::bounded::bounded;
use crate::clock::{self, Clock, Reading};
use crate::policy::SKEW;
use crate::{Error, ErrorKind, events};

use copy::Copy;
pub(crate) use copy::Verdict;
pub(crate) use turns::{Turn, Turns};

/// How sealed sessions are ended: given to [`Sessions::sealed`](crate::Sessions::sealed).
///
/// A sealed session is in its cookie, and whoever has a copy of the cookie has the session. To end one, the server keeps
/// a *mark*: that a session is over, or that nothing counts which a principal, or anybody, began before a moment.
/// Marks are few and small, in a store that all nodes share; each node has a copy of them in memory, which is never older
/// than [`refresh_within`](Self::refresh_within) says. So a request asks no store, and an ending takes effect at once on
/// the node that made it, and within that bound on every other.
///
/// ```no_run
/// # use cloakroom::{Error, KeyRing, Revocations, Sessions, stores::Disk};
/// # async fn f(keys: KeyRing) -> Result<(), Box<dyn std::error::Error>> {
/// let revocations = Revocations::new(Disk::open("./marks").await?)?;
/// let sessions = Sessions::sealed(keys, revocations);
/// let _refreshing = sessions.revocations_refresher().start();
/// # Ok(())
/// # }
/// ```
///
/// # When the store cannot be reached
///
/// Until the copy is older than the bound, nothing happens. Past it nobody knows any more who has signed out, and sealed
/// sessions are refused: a 503, and nobody's cookie is cleared. A node that has just started is past the bound until it
/// has read the marks, and so is one whose machine was suspended for longer, or whose clock was set forward.
/// [`danger_accept_when_unknown`](Self::danger_accept_when_unknown) decides otherwise.
///
/// # What it costs
///
/// A refresh reads what is new, not what is there. A node that has a million marks takes 62 MB for them
/// (`examples/revocations_footprint.rs`, 26 November 2026). The mark of a session is kept until the session would have
/// ended anyway; one of a principal or of everyone until no session can be left that it is about: for as long as the
/// longest absolute timeout of the present policy. Whoever may sign out or rotate may add one, anonymous visitors too:
/// limit how often a stranger does. Where an earlier policy gave sessions longer, let the longest one stand until those
/// have ended.
#[derive(Debug, Clone)]
pub struct Revocations {
    marks: AnyMarks,
    registry: Option<AnyStore>,
    refresh_within: Duration,
    skew: Duration,
    past_the_bound: PastTheBound,
    known: Arc<Known>,
}

/// What happens to a session of which nobody knows whether it was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PastTheBound {
    Refuse,
    Accept,
}

/// What this node knows, and how old that is.
#[derive(Debug)]
struct Known {
    copy: Copy,
    turns: Turns,
    /// Where milliseconds are counted from.
    epoch: Instant,
    /// At which millisecond what the copy lacks was not there yet; 0 while it has never been complete.
    as_of: AtomicU64,
    /// The time that was told then, in Unix milliseconds. Read beside an earlier or a later `as_of`, it only makes the copy
    /// look older.
    as_of_told: AtomicU64,
    /// At which millisecond the store was last asked in vain; 0 if never.
    failed: AtomicU64,
    /// How far the store has been read. Held over the calls of the store: one reads for all.
    read: tokio::sync::Mutex<Option<Cursor>>,
}

/// Whose marks, and how long one call of the store may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) namespace: &'a Namespace,
    pub(crate) timeout: Duration,
    pub(crate) clock: &'a Clock,
    pub(crate) now: Timestamp,
}

/// How many marks are read at once.
const PAGE: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not zero");

/// How soon the store is asked again by a request, when it was asked in vain: nobody waits for it twice.
const PAUSE: Duration = Duration::from_millis(250);

impl Revocations {
    /// Keeps marks in this store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a store in the memory of this process, which forgets at a restart who has signed out:
    /// see [`danger_in_memory`](Self::danger_in_memory).
    pub fn new(store: impl Marks) -> Result<Self, Error> {
        let marks = AnyMarks::new(store);
        let card = marks.card();
        if card.residence == Residence::Process {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the {} store forgets at a restart who has signed out, and tells no other node: take one on disk or \
                     on a server, or `Revocations::danger_in_memory`",
                    card.name
                ),
            ));
        }
        Ok(Self::over(marks))
    }

    /// Keeps marks in the memory of this process: a restart forgets them, and whoever has copied a cookie before its user
    /// signed out is signed in again. Other processes are not told at all.
    pub fn danger_in_memory(store: impl Marks) -> Self {
        Self::over(AnyMarks::new(store))
    }

    fn over(marks: AnyMarks) -> Self {
        Self {
            marks,
            registry: None,
            refresh_within: Duration::from_secs(5),
            skew: SKEW,
            past_the_bound: PastTheBound::Refuse,
            known: Arc::default(),
        }
    }

    /// Sets how old the copy may be: 5 seconds by default. What another node ended, goes on here for so long.
    #[must_use]
    pub fn refresh_within(mut self, bound: Duration) -> Self {
        self.refresh_within = bound;
        self
    }

    /// Sets by how much the clocks of two nodes may differ: 5 seconds by default.
    ///
    /// A mark lies so far in the future, so that it is also about what a node with a faster clock has begun.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Accepts sessions also where nobody knows whether they were ended: when the store cannot be reached for longer than
    /// the bound, who has signed out is signed in again for whoever has copied the cookie.
    #[must_use]
    pub fn danger_accept_when_unknown(mut self) -> Self {
        self.past_the_bound = PastTheBound::Accept;
        self
    }

    /// Registers sign-ins in this store, so that [`Session::sessions`](crate::Session::sessions) lists them and
    /// [`Session::end`](crate::Session::end) ends one of them.
    ///
    /// One more write for each sign-in and sign-out. A record holds principal, label and when it was signed in, and no data.
    #[must_use]
    pub fn register_in(mut self, store: impl Store) -> Self {
        self.registry = Some(AnyStore::new(store));
        self
    }

    /// The same settings, for somebody else's marks: nothing of them is known yet.
    pub(crate) fn afresh(self) -> Self {
        Self {
            known: Arc::default(),
            ..self
        }
    }

    pub(crate) fn registry(&self) -> Option<AnyStore> {
        self.registry.clone()
    }

    pub(crate) fn marks(&self) -> &AnyMarks {
        &self.marks
    }

    /// What this node knows.
    pub(crate) fn copy(&self) -> &Copy {
        &self.known.copy
    }

    /// Who gives which session another token at the moment.
    pub(crate) fn turns(&self) -> &Turns {
        &self.known.turns
    }

    pub(crate) fn tolerated_skew(&self) -> Duration {
        self.skew
    }

    pub(crate) fn bound(&self) -> Duration {
        self.refresh_within
    }

    /// Sees to it that the copy is not older than the bound. Most of the time it is not, and no store is asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when it is, and the store could not be asked.
    pub(crate) async fn know(&self, asking: Asking<'_>) -> Result<(), Error> {
        if self.is_fresh(asking.now) {
            return Ok(());
        }
        // Boxed, so that those who need not wait do not carry the room for it around.
        let unknown = match Box::pin(self.catch_up(asking)).await {
            Ok(()) => return Ok(()),
            Err(error) => Error::store("learn which sessions have ended", error),
        };
        match self.past_the_bound {
            PastTheBound::Refuse => Err(unknown),
            PastTheBound::Accept => Ok(()),
        }
    }

    /// Reads what is new, if nobody else has meanwhile, in the time of one call.
    async fn catch_up(&self, asking: Asking<'_>) -> Result<(), StoreError> {
        self.be_spared()?;
        let caught_up = async {
            let mut read = self.known.read.lock().await;
            // It may have been a long wait.
            if self.is_fresh(asking.clock.now()) {
                return Ok(());
            }
            self.be_spared()?;
            self.read_on(&mut read, asking).await
        };
        let caught_up = bounded(asking.timeout, caught_up).await;
        if let Err(error) = &caught_up {
            self.known.stamp(&self.known.failed);
            if self.past_the_bound == PastTheBound::Accept {
                events::accepted_unknown(error);
            }
        }
        caught_up
    }

    /// Refuses to ask a store that was asked in vain a moment ago.
    fn be_spared(&self) -> Result<(), StoreError> {
        let pause = PAUSE.min(self.refresh_within / 4);
        match self.known.since(&self.known.failed) {
            Some(since) if since < pause => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "the store could not be asked a moment ago",
            )),
            _ => Ok(()),
        }
    }

    /// Reads what is new, now.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(crate) async fn refresh(&self, asking: Asking<'_>) -> Result<(), StoreError> {
        let called = self.known.millis();
        let mut read = self.known.read.lock().await;
        if self.known.as_of.load(Ordering::Acquire) > called {
            // Somebody else has, and began to after this was called: of those who wait together one reads for all.
            return Ok(());
        }
        self.read_on(&mut read, asking).await
    }

    /// Reads page after page until there is nothing new. Dropped half way, it goes on from the last page.
    async fn read_on(&self, read: &mut Option<Cursor>, asking: Asking<'_>) -> Result<(), StoreError> {
        loop {
            let (began, told_at) = (self.known.millis(), asking.clock.now());
            let news = News::new(asking.namespace.clone(), read.clone(), PAGE);
            let told = bounded(asking.timeout, self.marks.news(news)).await?;
            if told.anew {
                // What it has lost is still known here.
                events::marks_read_again();
            }
            for mark in &told.marks {
                self.learn(mark);
            }
            *read = Some(told.next);
            if !told.more {
                // What was marked before this call began, is in this page or one before.
                self.known
                    .as_of_told
                    .fetch_max(told_at.as_unix_millis(), Ordering::AcqRel);
                self.known.as_of.fetch_max(began, Ordering::AcqRel);
                self.known.copy.forget_some(asking.now);
                return Ok(());
            }
        }
    }

    /// Sets a mark, in the store and then here; answers it as it stands now.
    ///
    /// # Errors
    ///
    /// The store's: whether the mark is set is not known then.
    pub(crate) async fn mark(&self, asking: Asking<'_>, mark: Mark) -> Result<Mark, StoreError> {
        let set = SetMark::new(asking.namespace.clone(), mark);
        let mark = bounded(asking.timeout, self.marks.mark(set)).await?;
        self.learn(&mark);
        Ok(mark)
    }

    /// Reads before which moment no session of a principal counts, from the store itself.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(crate) async fn moment_of(
        &self,
        asking: Asking<'_>,
        principal: &Principal,
    ) -> Result<Timestamp, StoreError> {
        let marks_of = MarksOf::new(asking.namespace.clone(), principal.clone());
        bounded(asking.timeout, self.marks.marks_of(marks_of)).await
    }

    fn learn(&self, mark: &Mark) {
        let Mark {
            subject,
            begun_before,
            until,
            ..
        } = mark;
        match subject {
            Subject::Session(id) => self.known.copy.mark_session(*id, *begun_before, *until),
            Subject::Principal(principal) => self.known.copy.mark_principal(principal, *begun_before, *until),
            Subject::Everyone => self.known.copy.mark_everyone(*begun_before),
        }
    }

    /// Whether the copy is young enough, also where the machine was suspended meanwhile.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = self.known.age(now);
        age.is_some_and(|age| age < self.refresh_within)
    }
}

impl Known {
    /// Milliseconds since the epoch, beginning with 1.
    fn millis(&self) -> u64 {
        clock::instant().duration_since(self.epoch).as_millis() as u64 + 1
    }

    /// How old the copy is; `None` while it has never been complete.
    fn age(&self, now: Timestamp) -> Option<Duration> {
        let as_of = self.as_of.load(Ordering::Acquire);
        let told = self.as_of_told.load(Ordering::Acquire);
        let read = Reading {
            measured: self.epoch + Duration::from_millis(as_of.checked_sub(1)?),
            told: Timestamp::from_unix_millis(told),
        };
        let now = Reading {
            measured: clock::instant(),
            told: now,
        };
        Some(now.since(read))
    }

    fn stamp(&self, moment: &AtomicU64) {
        moment.fetch_max(self.millis(), Ordering::AcqRel);
    }

    fn since(&self, moment: &AtomicU64) -> Option<Duration> {
        match moment.load(Ordering::Acquire) {
            0 => None,
            millis => Some(Duration::from_millis(self.millis().saturating_sub(millis))),
        }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self {
            copy: Copy::default(),
            turns: Turns::default(),
            epoch: clock::instant(),
            as_of: AtomicU64::new(0),
            as_of_told: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            read: tokio::sync::Mutex::const_new(None),
        }
    }
}
