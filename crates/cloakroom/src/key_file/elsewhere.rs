//! Where there is no Unix there is no telling who may read a file, so no key is read from one.

use std::fs::File;
use std::path::Path;

use crate::{Error, ErrorKind};

/// Who holds a file of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Owner,
    Systemd,
}

/// The directory of a key file: there is none.
pub(super) enum Directory {}

pub(super) fn open(path: &Path, _: Holder) -> Result<File, Error> {
    Err(unsupported(path))
}

pub(super) fn lock(path: &Path) -> Result<Directory, Error> {
    Err(unsupported(path))
}

pub(super) fn lock_to_create(path: &Path) -> Result<Directory, Error> {
    Err(unsupported(path))
}

impl Directory {
    pub(super) fn create(&self, _: &str) -> Result<(), Error> {
        match *self {}
    }

    pub(super) fn replace(&self, _: &str) -> Result<(), Error> {
        match *self {}
    }
}

fn unsupported(path: &Path) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "could not use the key file {}: who may read a file can be told on Unix only; put the keys into \
             CLOAKROOM_KEYS",
            path.display()
        ),
    )
}
