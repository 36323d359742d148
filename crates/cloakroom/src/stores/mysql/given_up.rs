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
    /// By the number of its connection on the server. Locked for a moment, never over an await.
    given_up: Mutex<Vec<(u32, OwnedSemaphorePermit)>>,
    /// When it was last looked which of them the server has carried out; locked while somebody looks.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// How long is believed what was seen.
const BELIEVED: Duration = Duration::from_millis(250);

impl Writes {
    /// So many at a time.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            given_up: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
        }
    }

    /// A place that is free at this moment.
    pub(super) fn free_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// A place, as soon as there is one.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.expect("the places of a pool are never closed")
    }

    /// Keeps the place of a write that was given up, for as long as the server carries it out on this connection.
    pub(super) fn give_up(&self, connection: u32, place: OwnedSemaphorePermit) {
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

    fn given_up(&self) -> MutexGuard<'_, Vec<(u32, OwnedSemaphorePermit)>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
