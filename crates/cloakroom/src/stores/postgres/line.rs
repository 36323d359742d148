//! One live connection, shared by the requests that are on their way at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;

use super::statements::{Prepared, Statements};

/// How many requests may be on their way on one connection. The server answers them one after the other: with a disk
/// that takes two milliseconds for a write, the last of so many is answered within half a second.
const ON_THEIR_WAY: usize = 256;

/// A connection that took its settings, with its statements.
pub(super) struct Line {
    client: Client,
    statements: Statements,
    /// The server's process that serves it.
    process: i32,
    places: Arc<Semaphore>,
    /// Somebody stopped waiting for an answer, and nobody has seen one since.
    suspect: AtomicBool,
    suspected: Notify,
}

impl Line {
    pub(super) fn new(client: Client, process: i32, statements: Statements) -> Self {
        Self {
            client,
            statements,
            process,
            places: Arc::new(Semaphore::new(ON_THEIR_WAY)),
            suspect: AtomicBool::new(false),
            suspected: Notify::new(),
        }
    }

    /// The server's process that serves it.
    pub(super) fn process(&self) -> i32 {
        self.process
    }

    /// A place among the requests on their way, or nothing when the connection is given up.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// How little one wants to be on this connection rather than on another.
    pub(super) fn reluctance(&self) -> (bool, usize) {
        (
            self.suspect.load(Ordering::Relaxed),
            ON_THEIR_WAY - self.places.available_permits(),
        )
    }

    /// Watches over one request: when this is dropped before it is answered, the connection is suspect.
    pub(super) fn watch(&self) -> Unanswered<'_> {
        Unanswered(self)
    }

    /// What a request asks with.
    pub(super) fn prepared(&self) -> Prepared<'_> {
        Prepared {
            client: &self.client,
            statements: &self.statements,
        }
    }

    /// Waits until the connection is suspect.
    pub(super) async fn suspected(&self) {
        self.suspected.notified().await;
    }

    /// Whether it still answers: what is asked last is answered last.
    pub(super) async fn answers(&self) -> bool {
        let answers = self.client.check_connection().await.is_ok();
        if answers {
            self.suspect.store(false, Ordering::Relaxed);
        }
        answers
    }

    /// Sends away who waits for a place.
    pub(super) fn give_up(&self) {
        self.places.close();
    }
}

/// A request that has not been answered yet.
pub(super) struct Unanswered<'a>(&'a Line);

impl Unanswered<'_> {
    pub(super) fn answered(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.suspect.store(true, Ordering::Relaxed);
        self.0.suspected.notify_one();
    }
}
