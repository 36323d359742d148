//! Keeps sessions in one SQLite file on this machine's disk: several processes may share it, and `sqlite3` opens it.
//!
//! ```no_run
//! use cloakroom::stores::Sqlite;
//!
//! # async fn example() -> Result<(), cloakroom::store::Error> {
//! let store = Sqlite::open("/var/lib/shop/sessions.db").await?;
//! # Ok(()) }
//! ```
//!
//! # What is on the disk
//!
//! The file (mode 0600) in a directory that exists, and while it is open a log and its index beside it, `-wal` and
//! `-shm`. Any number of processes of this machine may have it open, where a `Disk` store takes one. A file that is of
//! another application or of a newer release is refused and does not change by a byte.
//!
//! In it are `cloakroom_sessions`, with what is looked for and what moves, and `cloakroom_bodies`, with the sealed data,
//! which a touch does not write. [`Sqlite::schema_sql`] prints the SQL, and
//! [`Sqlite::schema_sql_since`] that for the tables of an older release. Keys, principals and labels are bytes, and times
//! come from the application. Whoever reads the file learns when which principal was seen on what, but neither tokens nor
//! session data: `Sessions` seals them before they come here. To look at it:
//!
//! ```text
//! sqlite3 -readonly sessions.db "SELECT lower(hex(id)), cast(principal AS text), datetime(last_seen / 1000, 'unixepoch')
//!                                FROM cloakroom_sessions ORDER BY last_seen DESC LIMIT 10"
//! ```
//!
//! To end a session by hand, delete its row: its data goes with it.
//!
//! # What it costs
//!
//! A load is one statement on a connection of its own. It waits for nobody who writes, and runs in the task that asked;
//! what neither SQLite nor the operating system has in memory is read from the disk meanwhile. A third of its time goes
//! into a look at whether the file is still there.
//!
//! Everything that changes something goes through one thread. It takes what waits, applies it in one transaction, each
//! request against what is there by then, and syncs the disk once for all of them. When one does not work out, or there
//! is no room for them all, each is tried by itself. Touches, sweeps and counted attempts do not wait for a sync: a loss of
//! power may take them back. Processes take turns: one that has seen another write lets it in between two transactions, for as long as
//! its own took.
//!
//! Listing and counting look at 4,096 sessions at a time, in threads that may wait. A sweep removes 256 in each
//! transaction, and costs what has expired, not what lives.
//!
//! # What may go wrong
//!
//! A call answers within [`wait_timeout`](SqliteOptions::wait_timeout) and
//! [`operation_timeout`](SqliteOptions::operation_timeout). When another process, perhaps a `sqlite3` with an open
//! transaction, keeps the file locked for longer, writes answer [`ErrorKind::Unavailable`] and have not happened; reads
//! go on.
//!
//! What was answered survives that the process is killed, and with [`Synchronous::Full`] a loss of power.
//!
//! The log is brought into the file every 16 MB. A transaction that only reads, if it stays open, keeps it from being
//! begun anew: it grows until that one ends, and then shrinks to 64 MB. The file itself has no limit: what is swept is
//! used again but not given back, which takes a `VACUUM` by hand.
//!
//! When the disk is full, writes answer [`ErrorKind::Full`] and nothing of them happened; when there is room again the
//! store goes on. Ending a session needs a little room too, in the log.
//!
//! Damage shows when it is come upon, as [`ErrorKind::Corrupt`]; `PRAGMA integrity_check` looks for it.
//!
//! A file that is removed or replaced while it is open is noticed by the next call, which answers an error that says so,
//! for what other processes end would live on in the old one. To copy it while it is in use, say `.backup` to `sqlite3`:
//! the file alone is not all of it. Network file systems are not supported: their locks fail silently.

mod options;

mod store;

mod write;

mod delete;
mod list;
mod revoke;
mod sweep;
mod touch;

mod counters;
mod forget;
mod marks;

mod row;

mod job;
mod writer;

mod readers;

mod migrations;

mod connection;
mod file;

mod failure;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};
use tokio::sync::Semaphore;

use super::queue::Queue;
use super::revisions::Revisions;
use file::DataFile;
use job::Job;
pub use options::{Migrate, SqliteOptions, Synchronous};
use readers::Readers;
use writer::Writer;

/// How many may list, count or wait for a read at a time.
const READING: usize = 4;

/// Keeps sessions in one SQLite file. Cheap to clone; clones share the connections.
///
/// The file is closed when the last clone is dropped, which waits for what is under way, or by [`close`](Self::close).
/// Open it after the process has forked, never before.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    file: DataFile,
    queue: Arc<Queue<Box<dyn Job>>>,
    readers: Arc<Readers>,
    reading: Semaphore,
    revisions: Revisions,
    wait_timeout: Duration,
    /// How long a whole call may take.
    patience: Duration,
    /// The writer's thread, until somebody has waited for its end.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    /// The largest record body it takes, in bytes.
    pub const MAX_BODY: usize = 1 << 20;

    /// Opens the store in this file with the default [`SqliteOptions`], or makes one where there is none.
    ///
    /// # Errors
    ///
    /// With a sentence that names the file and what to do:
    ///
    /// * [`ErrorKind::Misconfigured`] when its directory does not exist;
    /// * [`ErrorKind::Unavailable`] when it cannot be read, written or made, or another process keeps it locked;
    /// * [`ErrorKind::Corrupt`] when the file there is damaged, or of another application;
    /// * [`ErrorKind::NewerFormat`] when a newer release made it.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        SqliteOptions::default().open(path).await
    }

    /// Makes the file with its tables, or changes them to those of this release. Does nothing when they are as they should
    /// be, and may be done by many processes at once.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn migrate(path: impl Into<PathBuf>) -> Result<(), Error> {
        let path = path.into();
        blocking(move || {
            let file = DataFile::locate(&path)?;
            migrations::prepare(&file, &SqliteOptions::default()).map(drop)
        })
        .await
    }

    /// The SQL that makes the tables of this release, for teams that run it themselves: `sqlite3 sessions.db < schema.sql`.
    pub fn schema_sql() -> String {
        migrations::printed(0)
    }

    /// The SQL that makes this release's tables of those of an older one, which `PRAGMA user_version` says the version of.
    pub fn schema_sql_since(version: u32) -> String {
        migrations::printed(version)
    }

    async fn open_with(options: SqliteOptions, path: PathBuf) -> Result<Self, Error> {
        blocking(move || Self::open_blocking(options, &path)).await
    }

    fn open_blocking(options: SqliteOptions, path: &Path) -> Result<Self, Error> {
        let file = DataFile::locate(path)?;
        let connection = migrations::prepare(&file, &options)?;
        let queue = Arc::new(Queue::new());
        let readers = Arc::new(Readers::new(file.clone(), options.cache));
        let (wait_timeout, patience) = (
            options.wait_timeout,
            options.wait_timeout.saturating_add(options.operation_timeout),
        );
        let writer = Writer::new(
            file.clone(),
            Arc::clone(&queue),
            Arc::clone(&readers),
            options,
            connection,
        );
        let thread = thread::Builder::new()
            .name("cloakroom-sqlite".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| failure::path("start a thread for the session store", file.path(), &error))?;
        Ok(Self(Arc::new(Inner {
            file,
            queue,
            readers,
            reading: Semaphore::new(READING),
            revisions: Revisions::default(),
            wait_timeout,
            patience,
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Finishes what is under way, brings the log into the file if no other process has it open, and closes it, for all
    /// clones. After this every verb answers [`ErrorKind::Unavailable`].
    ///
    /// # Errors
    ///
    /// When the runtime is shutting down and waits for nothing any more.
    pub async fn close(&self) -> Result<(), Error> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            inner.close();
            Ok(())
        })
        .await
    }

    fn path(&self) -> &Path {
        self.0.file.path()
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // What panicked in it has been told to whoever waited.
        drop(thread.map(JoinHandle::join));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
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
