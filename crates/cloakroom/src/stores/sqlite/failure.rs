//! What went wrong, in words.

use std::fmt::Display;
use std::io;
use std::path::Path;

use cloakroom_store::{Error, ErrorKind};
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// Why something stopped.
#[derive(Debug)]
pub(super) enum Fault {
    /// The engine could not go on.
    Engine(rusqlite::Error),
    /// Something that is said already.
    Said(Error),
    /// What was to be done panicked: a fault of ours or of the driver's.
    Panicked,
}

impl Fault {
    /// Whether another process is in the way, and it is worth waiting.
    pub(super) fn is_busy(&self) -> bool {
        use ErrorCode::{DatabaseBusy, DatabaseLocked, FileLockingProtocolFailed};
        matches!(
            self.code(),
            Some(DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed)
        )
    }

    /// Whether it is for lack of room, so that nothing has been changed.
    pub(super) fn is_full(&self) -> bool {
        let Self::Engine(error) = self else { return false };
        let shared_memory = |error: &rusqlite::ffi::Error| error.extended_code == SQLITE_IOERR_SHMSIZE;
        self.code() == Some(ErrorCode::DiskFull) || error.sqlite_error().is_some_and(shared_memory)
    }

    /// Whether the connection can be used again. Otherwise it is closed, and another one opened.
    pub(super) fn leaves_connection(&self) -> bool {
        self.is_busy() || self.is_full() || matches!(self, Self::Said(_))
    }

    /// What it means for the use of this file.
    pub(super) fn error(&self, file: &Path) -> Error {
        match self {
            Self::Said(said) => {
                let error = Error::new(said.kind(), said.to_string());
                match std::error::Error::source(said) {
                    Some(source) => error.with_source(source.to_string()),
                    None => error,
                }
            }
            Self::Engine(error) => {
                let (kind, what) = self.meaning();
                Error::new(
                    kind,
                    format!("could not use the session store {}: {what}", file.display()),
                )
                .with_source(error.to_string())
            }
            Self::Panicked => about(
                ErrorKind::Unavailable,
                file,
                "met a fault of this program, which has printed where, and changed nothing: tell those who maintain it; the \
                 store goes on by itself",
            ),
        }
    }

    fn meaning(&self) -> (ErrorKind, &'static str) {
        if self.is_busy() {
            return (
                ErrorKind::Unavailable,
                "another process has kept it locked for longer than wait_timeout; see which one does (`fuser`), and \
                 that it ends its transactions",
            );
        }
        if self.is_full() {
            return (
                ErrorKind::Full,
                "there is no room on the disk; make some, and the store goes on by itself",
            );
        }
        match self.code() {
            Some(ErrorCode::DatabaseCorrupt) => (
                ErrorKind::Corrupt,
                "it is damaged; restore it from a backup, save what can be read with the command `.recover` of \
                 sqlite3, or move it away to begin with an empty one",
            ),
            Some(ErrorCode::NotADatabase) => {
                (ErrorKind::Corrupt, "it is no SQLite database; name another file")
            }
            Some(ErrorCode::Unknown) => (
                ErrorKind::Corrupt,
                "its tables are not those of this release; restore it from a backup, or move it away to begin with \
                 an empty one",
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
                ErrorKind::Unavailable,
                "it cannot be written to; see that this user may write to it and to its directory, and that the file \
                 system is not read-only",
            ),
            _ => (
                ErrorKind::Unavailable,
                "see the cause; the store tries again by itself",
            ),
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Engine(error) => error.sqlite_error_code(),
            Self::Said(_) | Self::Panicked => None,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

/// An error about this file: what it is, and what to do.
pub(super) fn about(kind: ErrorKind, file: &Path, what: impl Display) -> Error {
    Error::new(kind, format!("the session store {} {what}", file.display()))
}

/// The store was closed.
pub(super) fn closed(file: &Path) -> Error {
    about(ErrorKind::Unavailable, file, "has been closed")
}

/// The store did not answer in time.
pub(super) fn late(file: &Path) -> Error {
    about(
        ErrorKind::Unavailable,
        file,
        "did not answer within wait_timeout and operation_timeout: see what keeps the disk or this machine busy",
    )
}

/// The path does not lead to the file any more that was opened.
pub(super) fn moved(file: &Path) -> Error {
    about(
        ErrorKind::Unavailable,
        file,
        "was removed or replaced while it was open: put it back, or start this process again to use what is there now",
    )
}

/// Something about a path could not be done.
pub(super) fn path(doing: &str, path: &Path, cause: &io::Error) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("could not {doing} {}", path.display())).with_source(cause.to_string())
}
