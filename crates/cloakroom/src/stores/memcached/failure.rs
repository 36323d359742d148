//! Why a server could not be asked: told to everybody who waits for it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use cloakroom_store::{Error, ErrorKind};

use super::address::Address;

/// What went wrong with one server. Cheap to clone, for all that wait on one connection hear the same.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    kind: ErrorKind,
    text: Arc<str>,
}

impl Failure {
    /// The server is down, slow or talks nonsense.
    pub(super) fn unavailable(text: impl Into<Arc<str>>) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            text: text.into(),
        }
    }

    /// The server is there, but not as we need it.
    pub(super) fn misconfigured(text: impl Into<Arc<str>>) -> Self {
        Self {
            kind: ErrorKind::Misconfigured,
            text: text.into(),
        }
    }

    /// The error of opening the store.
    pub(super) fn of_connecting(&self, address: &Address) -> Error {
        Error::new(
            self.kind,
            format!("could not open the session store on memcached at {address}: {self}"),
        )
    }

    /// The error of a verb. Whatever it is that keeps the server from answering, it is an outage by now.
    pub(super) fn of_asking(&self, doing: &str, address: &Address) -> Error {
        unavailable(format!("could not {doing} memcached at {address}: {self}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn unavailable(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

pub(super) fn misconfigured(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}
