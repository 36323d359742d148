//! What went wrong, in words for every request that it concerns.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cloakroom_store::{Error, ErrorKind};

/// Why a transaction stopped.
#[derive(Debug)]
pub(super) enum Fault {
    /// The engine could not go on.
    Engine(redb::Error),
    /// A row or an index entry is not one of ours.
    NotOurs(&'static str),
    /// The request asks for something of a newer release.
    Unsupported(&'static str),
    /// The engine panicked: on damage that it does not check for.
    Panicked,
}

impl Fault {
    /// Whether the file is damaged, so that nothing more may be written to it.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Panicked | Self::Engine(redb::Error::Corrupted(_)))
    }
}

/// A failure that can be told to any number of waiting requests.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    message: Arc<str>,
    cause: Option<Arc<str>>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            cause: None,
        }
    }

    pub(super) fn because(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string().into());
        self
    }

    pub(super) fn error(&self) -> Error {
        let error = Error::new(self.kind, self.message.to_string());
        match &self.cause {
            Some(cause) => error.with_source(cause.to_string()),
            None => error,
        }
    }

    /// What a fault in the use of this file means.
    pub(super) fn of(fault: &Fault, file: &Path) -> Self {
        match fault {
            Fault::Engine(error) => Self::of_engine(error, file),
            Fault::NotOurs(what) => damaged(file).because(what),
            Fault::Unsupported(message) => Self::new(ErrorKind::Unsupported, *message),
            Fault::Panicked => damaged(file).because("the engine met something that it did not write"),
        }
    }

    fn of_engine(error: &redb::Error, file: &Path) -> Self {
        let failure = match error {
            redb::Error::Corrupted(_) => damaged(file),
            redb::Error::Io(error) if is_full(error) => full(file),
            _ => Self::new(
                ErrorKind::Unavailable,
                format!(
                    "could not use the session store {}: see the cause; the store tries again by itself",
                    file.display()
                ),
            ),
        };
        failure.because(error)
    }
}

/// There is no room on the disk.
pub(super) fn full(file: &Path) -> Failure {
    Failure::new(
        ErrorKind::Full,
        format!(
            "could not write to the session store {}: there is no room on the disk; make some, and the store goes \
             on by itself",
            file.display()
        ),
    )
}

/// The file is damaged.
pub(super) fn damaged(file: &Path) -> Failure {
    Failure::new(
        ErrorKind::Corrupt,
        format!(
            "the session store {} is damaged, and nothing is written to it any more: restore it from a backup, or \
             move it away to begin with an empty one",
            file.display()
        ),
    )
}

/// The engine failed, and is being opened again.
pub(super) fn reopening(file: &Path) -> Failure {
    Failure::new(
        ErrorKind::Unavailable,
        format!(
            "the session store {} failed and is being opened again",
            file.display()
        ),
    )
}

/// The store was closed.
pub(super) fn closed(file: &Path) -> Failure {
    Failure::new(
        ErrorKind::Unavailable,
        format!("the session store {} has been closed", file.display()),
    )
}

/// Something about a path could not be done.
pub(super) fn path(doing: &str, path: &Path, cause: &io::Error) -> Failure {
    let kind = if is_full(cause) {
        ErrorKind::Full
    } else {
        ErrorKind::Unavailable
    };
    let advice = match cause.kind() {
        io::ErrorKind::ReadOnlyFilesystem => ": its file system is read-only, mount it for writing",
        io::ErrorKind::PermissionDenied => ": see that this user may read and write it",
        _ => "",
    };
    Failure::new(kind, format!("could not {doing} {}{advice}", path.display())).because(cause)
}

/// Whether it is for lack of room, so that nothing has been changed.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

impl From<redb::StorageError> for Fault {
    fn from(error: redb::StorageError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<redb::TableError> for Fault {
    fn from(error: redb::TableError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<redb::TransactionError> for Fault {
    fn from(error: redb::TransactionError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<redb::CommitError> for Fault {
    fn from(error: redb::CommitError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<redb::SetDurabilityError> for Fault {
    fn from(error: redb::SetDurabilityError) -> Self {
        Self::Engine(error.into())
    }
}
