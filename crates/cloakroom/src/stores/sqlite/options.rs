//! What a SQLite store is opened with.

use std::path::PathBuf;
use std::time::Duration;

use cloakroom_store::Error;

use super::Sqlite;

/// How a [`Sqlite`] store is opened.
///
/// ```no_run
/// use std::time::Duration;
/// use cloakroom::stores::sqlite::{SqliteOptions, Synchronous};
///
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = SqliteOptions::default()
///     .synchronous(Synchronous::Normal)
///     .wait_timeout(Duration::from_millis(200))
///     .open("/var/lib/shop/sessions.db")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    pub(super) synchronous: Synchronous,
    pub(super) cache: usize,
    pub(super) wait_timeout: Duration,
    pub(super) operation_timeout: Duration,
    pub(super) migrate: Migrate,
}

impl SqliteOptions {
    /// Sets when a write is safe from a loss of power; [`Synchronous::Full`] unless said otherwise.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Sets how many bytes of memory each connection may use as its cache; 8 MiB unless said otherwise.
    ///
    /// There is one connection that writes, and one more for each thread that reads at the same time. Whenever
    /// somebody has written, those that read begin theirs anew: it is the operating system's cache that counts.
    #[must_use]
    pub fn cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// Sets how long a call may wait while another process writes or recovers the file; half a second unless said
    /// otherwise. Threads of the runtime do not wait.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Sets how long a call may take beside that; a second unless said otherwise.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.operation_timeout = timeout;
        self
    }

    /// Sets who makes the file and its tables; [`Migrate::OnConnect`] unless said otherwise.
    #[must_use]
    pub fn migrate(mut self, migrate: Migrate) -> Self {
        self.migrate = migrate;
        self
    }

    /// Opens the store in this file, or makes one where there is none.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub async fn open(self, path: impl Into<PathBuf>) -> Result<Sqlite, Error> {
        Sqlite::open_with(self, path.into()).await
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            cache: 8 << 20,
            wait_timeout: Duration::from_millis(500),
            operation_timeout: Duration::from_secs(1),
            migrate: Migrate::OnConnect,
        }
    }
}

/// When a write, a deletion or a revocation is safe from a loss of power. From a kill of the process it always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Synchronous {
    /// Before it is answered. Those that wait at the same time share one sync of the disk.
    #[default]
    Full,
    /// When the write-ahead log is next brought into the file. A loss of power takes back what was answered since: also
    /// sign-outs and revocations, so a session that was ended may be back.
    Normal,
}

/// Who makes the file with its tables, and changes them for a newer release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Migrate {
    /// Whoever opens it first, when it is not there or of an older release.
    #[default]
    OnConnect,
    /// Somebody else: with [`Sqlite::migrate`] at deployment, or by running [`Sqlite::schema_sql`] by hand.
    Never,
}
