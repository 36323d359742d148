//! A file of keys: read if nobody else could, and changed without a half-written moment.

mod environment;
#[cfg(unix)]
#[path = "key_file/unix.rs"]
mod guard;
#[cfg(not(unix))]
#[path = "key_file/elsewhere.rs"]
mod guard;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keyring::{Keys, ServerKey};
use crate::random::Random;
use crate::{Error, ErrorKind};

use guard::Holder;

/// A file that holds the server's [`Keys`], for its owner only.
///
/// `cloakroom keys` makes and changes it; programs [`read`](Self::read) it and [`watch`](Self::watch) it. It is refused
/// unless it is a regular file that belongs to the user who asks and that nobody else may use, which is mode 0600 or 0400,
/// and a symbolic link is followed only below the directory it is in. Needs a Unix; elsewhere see [`KeyRing::from_env`](crate::KeyRing::from_env).
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file at this path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when others can read or replace it or it holds no keys, and [`ErrorKind::Unavailable`]
    /// when it cannot be read. It says what to do.
    pub fn read(&self) -> Result<Keys, Error> {
        let file = guard::open(&self.path, Holder::Owner)?;
        parse(&self.path, file)
    }

    /// Makes the file, for its owner only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when there is something at its path already, a symbolic link that leads nowhere included:
    /// it stays as it is. [`ErrorKind::Unavailable`] when the file cannot be written.
    pub fn create(&self, keys: &Keys) -> Result<(), Error> {
        guard::lock_to_create(&self.path)?.create(&keys.to_text())
    }

    /// Changes the keys: whoever else changes them meanwhile waits, and whoever reads them sees those from before or
    /// after.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), those of `change`, and [`ErrorKind::Unavailable`] when the file cannot be
    /// written. It is then as it was; or changed already, where only the sync of its directory failed, so read it again.
    pub fn change<T>(&self, change: impl FnOnce(&mut Keys) -> Result<T, Error>) -> Result<T, Error> {
        let directory = guard::lock(&self.path)?;
        let before = self.read()?;
        let mut keys = before.clone();
        let changed = change(&mut keys)?;
        if keys != before {
            directory.replace(&keys.to_text())?;
        }
        Ok(changed)
    }
}

impl ServerKey {
    /// Draws a key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when there is none.
    pub fn generate() -> Result<Self, Error> {
        let bytes = Zeroizing::new(Random::default().draw()?);
        Self::from_bytes(*bytes)
    }
}

/// Reads keys out of a file that has been looked at.
fn parse(path: &Path, mut file: File) -> Result<Keys, Error> {
    let mut bytes = Zeroizing::new(vec![0; Keys::MAX_TEXT + 1]);
    let length = fill(&mut file, &mut bytes).map_err(|error| unavailable("read", path, &error))?;
    let invalid = |source: &str| {
        Error::new(
            ErrorKind::Invalid,
            format!("could not use the keys in {}: {source}", path.display()),
        )
    };
    if length > Keys::MAX_TEXT {
        return Err(invalid("it is too long to be a file of keys"));
    }
    let text = std::str::from_utf8(&bytes[..length]).map_err(|_| invalid("it is not text"))?;
    Keys::parse(text).map_err(|error| invalid(&error.to_string()))
}

/// Reads until the end or until the buffer is full: so nothing grows, and leaves copies behind.
fn fill(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(0) => return Ok(length),
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The message has the cause in it, and so there is no source that would say it again.
fn unavailable(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("could not {doing} the key file {}: {error}", path.display()),
    )
}
