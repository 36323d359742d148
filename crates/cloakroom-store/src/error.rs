//! Why a store could not do it.

use std::borrow::Cow;
use std::fmt;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A store could not do what it was asked.
///
/// Missing, stale and ended are not errors. [`kind`](Self::kind) is to branch on, `source` tells the story,
/// and the text names the setting, file or address and what to do, never a credential.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Source>,
}

impl Error {
    /// An error of this kind, saying what could not be done: lower case, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What is kept cannot be read: damaged, or not ours. Nothing was overwritten.
    Corrupt,
    /// There is no room, and nothing that may be dropped to make some. Nothing was written.
    Full,
    /// The cursor is not one this store gave.
    InvalidCursor,
    /// A setting makes no sense, or the server refuses it: the message names it. Nothing was written.
    Misconfigured,
    /// What is kept was written by a newer version. Nothing was overwritten.
    NewerFormat,
    /// The record is larger than the store takes. Nothing was written.
    TooLarge,
    /// The store is down, slow or refusing. Whether a write was applied is not known.
    Unavailable,
    /// This engine cannot do it: the capability card says so.
    Unsupported,
}
