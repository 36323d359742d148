//! Keeps sessions in one file on this machine's disk: no server to run, and they outlive the process.
//!
//! ```no_run
//! use cloakroom::stores::Disk;
//!
//! # async fn example() -> Result<(), cloakroom::store::Error> {
//! let store = Disk::open("./sessions").await?;
//! # Ok(()) }
//! ```
//!
//! # What is on the disk
//!
//! A directory (mode 0700 when the store makes it or finds it empty) with one file, `sessions.redb` (mode 0600). One
//! process at a time can open it; the second is told so. A file that is damaged, foreign, or of a newer format is
//! refused and does not change by a byte. Whoever reads the file learns when which principal was seen on what, but
//! neither tokens nor session data: `Sessions` seals them before they come here.
//!
//! # What it costs
//!
//! A load reads from a snapshot, without waiting for anybody, in a few microseconds and in the task that asked. What
//! neither the [cache](DiskOptions::cache) nor the operating system has in memory is read from the disk meanwhile,
//! and the thread waits for that: on a machine whose memory is far smaller than the file, give the runtime more
//! threads.
//!
//! Everything that changes something goes through one thread. It takes what waits, applies it in one transaction,
//! each request against what is there by then, and syncs the disk once for all of them. Touches and sweeps do not
//! wait for a sync of their own; a crash takes back those of about the last second.
//!
//! A sweep costs what has expired, not what lives.
//!
//! # What may go wrong
//!
//! The file has no limit of its own: it grows with the sessions that are begun, and what is swept is used again but not
//! given back. The directory is the process's own while it runs: do not delete or cut files in it.
//!
//! Opening reads the whole file once, about two seconds for a gigabyte, unless [`Check::AfterCrash`] says otherwise.
//! After a crash the newest commit may turn out incomplete, and then the one before it counts: nobody was told of the
//! newest. A disk that loses what it said it had synced looks the same.
//!
//! When the disk is full, writes answer [`ErrorKind::Full`] and nothing of them happened; when there is room again
//! the store goes on. When damage shows while it is open, the session it concerns answers [`ErrorKind::Corrupt`], and
//! from then on so does every write: nothing is written to a damaged file.

mod options;
mod stats;

mod store;

mod write;

mod delete;
mod list;
mod revoke;
mod sweep;
mod touch;

mod counters;
mod marks;

mod job;
mod writer;

mod engine;
mod tables;

mod key;
mod row;

mod backend;
mod failure;
mod file;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use cloakroom_store::{Error, ErrorKind};

use super::queue::Queue;
use engine::Engine;
use failure::{Failure, Fault};
use job::Job;
pub use options::{Check, DiskOptions, Durability};
use stats::Counters;
pub use stats::Stats;
use tables::Revisions;
use writer::Writer;

/// Keeps sessions in one file on this machine's disk. Cheap to clone; clones share the file.
///
/// The file is closed when the last clone is dropped, which waits for what is under way, or by [`close`](Self::close).
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    queue: Arc<Queue<Box<dyn Job>>>,
    counters: Arc<Counters>,
    durability: Durability,
    /// The writer's thread, until somebody has waited for its end.
    thread: Mutex<Option<JoinHandle<Result<(), Failure>>>>,
}

impl Disk {
    /// The largest record body it takes, in bytes.
    pub const MAX_BODY: usize = 1 << 20;

    /// Opens the store in this directory with the default [`DiskOptions`], or makes one where there is none.
    ///
    /// # Errors
    ///
    /// With a sentence that names the path and what to do:
    ///
    /// * [`ErrorKind::Unavailable`] when another process has it open, or it cannot be read or made;
    /// * [`ErrorKind::Corrupt`] when the file there is damaged, or is no session store;
    /// * [`ErrorKind::NewerFormat`] when a newer release wrote it.
    ///
    /// Whatever was there is then as it was.
    pub async fn open(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        DiskOptions::default().open(directory).await
    }

    async fn open_with(options: DiskOptions, directory: PathBuf) -> Result<Self, Error> {
        blocking(move || Self::open_blocking(&options, &directory).map_err(|failure| failure.error())).await
    }

    fn open_blocking(options: &DiskOptions, directory: &Path) -> Result<Self, Failure> {
        let engine = Arc::new(Engine::open(directory, options)?);
        let revisions = engine.write(Revisions::read)?;
        let (queue, counters) = (Arc::new(Queue::new()), Arc::default());
        let writer = Writer {
            engine: Arc::clone(&engine),
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            durability: options.durability,
            revisions,
            unsynced: None,
        };
        let thread = thread::Builder::new()
            .name("cloakroom-disk".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| failure::path("start a thread for the session store", engine.path(), &error))?;
        Ok(Self(Arc::new(Inner {
            engine,
            queue,
            counters,
            durability: options.durability,
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Finishes what is under way, brings everything to the disk and closes the file, for all clones.
    ///
    /// After this every verb answers [`ErrorKind::Unavailable`], and the directory can be opened again.
    ///
    /// # Errors
    ///
    /// When what no sync had covered yet could not be brought to the disk: touches, or with
    /// [`Durability::Within`] the last writes.
    pub async fn close(&self) -> Result<(), Error> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.close().map_err(|failure| failure.error())).await
    }

    /// Counts what the writer has done since the store was opened.
    pub fn stats(&self) -> Stats {
        self.0.counters.stats(self.0.engine.syncs())
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("path", &self.0.engine.path())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn close(&self) -> Result<(), Failure> {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = thread.map_or(Ok(Ok(())), JoinHandle::join);
        ended.unwrap_or_else(|_| Err(Failure::of(&Fault::Panicked, self.engine.path())))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever wants to know whether the last touches were kept has closed it.
        drop(self.close());
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(ended) => Err(Error::new(
            ErrorKind::Unavailable,
            "could not finish the work on the session store: the runtime is shutting down",
        )
        .with_source(ended)),
    }
}
