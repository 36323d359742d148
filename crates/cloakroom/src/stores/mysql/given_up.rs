//! Writes that were given up and that the server may still be carrying out: each keeps its place among the writes.
//!
//! A commit that waits for a replica to have it (semi-synchronous replication) does not notice that nobody is there for
//! the answer any more, so each write that is given up leaves a connection on the server, and enough of them would use up
//! its `max_connections`. Nor may it be killed: the server then shows at once what no replica has, and who finds a write
//! there that was given up takes it for done; a failover would lose it after all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of writes: of those under way, and of those that were given up.
pub(super) struct Writes {
    places: Arc<Semaphore>,
    /// Of these, how many may count attempts and set marks: they wait for rows that many write, and would keep every
    /// connection from the others meanwhile.
    counting: Arc<Semaphore>,
    marking: Arc<Semaphore>,
    /// By the number of its connection on the server. Locked for a moment, never over an await.
    given_up: Mutex<Vec<(u32, Place)>>,
    /// When it was last looked which of them the server has carried out; locked while somebody looks.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A session, whose row few write.
    Session,
    /// A counter of attempts.
    Counter,
    /// A mark: they come one after the other, whatever they are of.
    Mark,
}

/// A place among the writes, and one among those of its kind where these are fewer.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_its_kind: Option<OwnedSemaphorePermit>,
}

/// How long is believed what was seen.
pub(super) const BELIEVED: Duration = Duration::from_millis(250);

impl Writes {
    /// So many at a time, of which a quarter may count attempts and a quarter set marks.
    pub(super) fn new(places: usize) -> Self {
        let crowd = || Arc::new(Semaphore::new((places / 4).max(1)));
        Self {
            places: Arc::new(Semaphore::new(places)),
            counting: crowd(),
            marking: crowd(),
            given_up: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
        }
    }

    /// A place that is free at this moment.
    pub(super) fn free_place(&self, kind: Kind) -> Option<Place> {
        // Its own first: one that waits for its kind is not to keep a place from the others.
        let of_its_kind = match self.crowd(kind) {
            Some(places) => Some(Arc::clone(places).try_acquire_owned().ok()?),
            None => None,
        };
        Some(Place {
            _of_all: Arc::clone(&self.places).try_acquire_owned().ok()?,
            _of_its_kind: of_its_kind,
        })
    }

    /// A place, as soon as there is one.
    pub(super) async fn place(&self, kind: Kind) -> Place {
        let of_its_kind = match self.crowd(kind) {
            Some(places) => Some(acquire(places).await),
            None => None,
        };
        Place {
            _of_all: acquire(&self.places).await,
            _of_its_kind: of_its_kind,
        }
    }

    /// Keeps the place of a write that was given up, for as long as the server carries it out on this connection.
    pub(super) fn give_up(&self, connection: u32, place: Place) {
        self.given_up().push((connection, place));
    }

    /// How many are given up and not known to be over.
    pub(super) fn count_given_up(&self) -> usize {
        self.given_up().len()
    }

    /// Frees the places of those that are over: `ask` says which of these connections the server is busy with. Who comes
    /// while somebody asks hears the same.
    ///
    /// # Errors
    ///
    /// Those of `ask`.
    pub(super) async fn free<E>(
        &self,
        ask: impl AsyncFnOnce(&[u32]) -> Result<Vec<u32>, E>,
    ) -> Result<(), E> {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|when| when.elapsed() < BELIEVED) {
            return Ok(());
        }
        let asked: Vec<u32> = self
            .given_up()
            .iter()
            .map(|(connection, _)| *connection)
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let busy = ask(&asked).await?;
        *looked = Some(Instant::now());
        self.given_up()
            .retain(|(connection, _)| busy.contains(connection) || !asked.contains(connection));
        Ok(())
    }

    /// The places of a kind that has fewer than all.
    fn crowd(&self, kind: Kind) -> Option<&Arc<Semaphore>> {
        match kind {
            Kind::Session => None,
            Kind::Counter => Some(&self.counting),
            Kind::Mark => Some(&self.marking),
        }
    }

    fn given_up(&self) -> MutexGuard<'_, Vec<(u32, Place)>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn acquire(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let place = Arc::clone(places).acquire_owned().await;
    place.expect("the places of a pool are never closed")
}
