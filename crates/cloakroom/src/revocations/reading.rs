//! How a node's copy of the marks is kept young enough: read by whoever finds it too old, one for all.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_store::{
    Cursor, Error as StoreError, ErrorKind as StoreErrorKind, Marks as _, News, Timestamp,
};
use tokio::time::Instant;

use super::copy::Copy;
use super::turns::Turns;
use super::{Asking, PastTheBound, Revocations};
use crate::bounded::bounded;
use crate::clock::{self, Reading};
use crate::{Error, events};

/// What this node knows, and how old that is.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) copy: Copy,
    pub(super) turns: Turns,
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

/// How many marks are read at once.
const PAGE: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not zero");

/// What failed when the marks could not be read.
pub(crate) const LEARN: &str = "learn which sessions have ended";

/// How soon the store is asked again by a request, when it was asked in vain: nobody waits for it twice.
const PAUSE: Duration = Duration::from_millis(250);

impl Revocations {
    /// Sees to it that the copy is not older than the bound. Most of the time it is not, and no store is asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when it is, and the store could not be asked.
    pub(crate) async fn know(&self, asking: Asking<'_>) -> Result<(), Error> {
        if self.is_fresh(asking.now) {
            return Ok(());
        }
        // Boxed, so that those who need not wait do not carry the room for it around.
        let unknown = match Box::pin(self.catch_up(asking)).await {
            Ok(()) => return Ok(()),
            Err(error) => Error::store(LEARN, error),
        };
        match self.past_the_bound {
            PastTheBound::Refuse => Err(unknown),
            PastTheBound::Accept => Ok(()),
        }
    }

    /// Whether the copy is older than the bound, and sessions are refused for that.
    pub(crate) fn refuses(&self, now: Timestamp) -> bool {
        match self.past_the_bound {
            PastTheBound::Refuse => !self.is_fresh(now),
            PastTheBound::Accept => false,
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
