//! What a disk store is opened with.

use std::path::PathBuf;
use std::time::Duration;

use cloakroom_store::Error;

use super::Disk;

/// How a [`Disk`] store is opened.
///
/// ```no_run
/// use std::time::Duration;
/// use cloakroom::stores::disk::{DiskOptions, Durability};
///
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = DiskOptions::default()
///     .durability(Durability::Within(Duration::from_millis(100)))
///     .cache(64 << 20)
///     .open("./sessions")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct DiskOptions {
    pub(super) durability: Durability,
    pub(super) cache: usize,
    pub(super) check: Check,
}

impl DiskOptions {
    /// Sets when a write is safe from a crash; [`Durability::EveryCommit`] unless said otherwise.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets how many bytes of memory the engine may use as its cache; 64 MiB unless said otherwise.
    ///
    /// Beside it the operating system keeps what it has read of the file in whatever memory is free.
    #[must_use]
    pub fn cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// Sets when opening reads the whole file to see that it is undamaged; [`Check::Always`] unless said otherwise.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// Opens the store in this directory, or makes one where there is none.
    ///
    /// # Errors
    ///
    /// As [`Disk::open`].
    pub async fn open(self, directory: impl Into<PathBuf>) -> Result<Disk, Error> {
        Disk::open_with(self, directory.into()).await
    }
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            durability: Durability::EveryCommit,
            cache: 64 << 20,
            check: Check::Always,
        }
    }
}

/// When a write, a deletion or a revocation is safe from a crash and from a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Before it is answered. Those that wait at the same time share one sync of the disk.
    #[default]
    EveryCommit,
    /// At most about this much later. A crash takes back what was answered since: also sign-outs and
    /// revocations, so a session that was ended may be back.
    Within(Duration),
}

/// When opening reads the whole file to see that it is undamaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Check {
    /// Whenever an existing file is opened. Takes about two seconds for a gigabyte.
    #[default]
    Always,
    /// Only when the file was not closed in good order, where there is no way around it. Damage elsewhere then shows
    /// when it is come upon.
    AfterCrash,
}
