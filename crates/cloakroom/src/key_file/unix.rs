//! Who may have a key file, and how it is replaced as a whole: on Unix.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::unavailable;
use crate::{Error, ErrorKind};

/// Who holds a file of keys, and so what its mode may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The user who asks, and nobody else.
    Owner,
    /// systemd, which gives the service's user access through an access control list where it can. That shows as the
    /// group's right to read, and the file stays root's.
    Systemd,
}

/// Opens a file of keys that nobody else can read or replace the bytes of.
pub(super) fn open(path: &Path, holder: Holder) -> Result<File, Error> {
    let target = target(path)?;
    // Neither waits for the other end of a pipe, nor follows a link that was put here just now.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32)
        .open(&target)
        .map_err(|error| unavailable("open", path, &error))?;
    let found = file
        .metadata()
        .map_err(|error| unavailable("look at", path, &error))?;
    let (user, owner, mode) = (geteuid().as_raw(), found.uid(), found.mode() & 0o7777);
    let shown = path.display();
    let refused = |why: String| Err(Error::new(ErrorKind::Invalid, why));
    if !found.is_file() {
        return refused(format!(
            "{shown} is not a regular file, so no key is read from it"
        ));
    }
    let (others, owners) = match holder {
        Holder::Owner => (0o077, [user, user]),
        Holder::Systemd => (0o027, [user, 0]),
    };
    if !owners.contains(&owner) {
        return refused(format!(
            "the key file {shown} belongs to user {owner}, who could replace the keys of user {user}, who runs this: \
             run it as its owner, or `chown {user} {shown}`"
        ));
    }
    if mode & others != 0 {
        return refused(format!(
            "the key file {shown} has mode {mode:04o}, so others than its owner may use it: `chmod 600 {shown}`, and \
             replace its keys if somebody could have read them"
        ));
    }
    Ok(file)
}

/// The directory of a key file, locked for whoever changes it. The lock ends with this value, and with the process.
pub(super) struct Directory {
    path: PathBuf,
    /// The file in it.
    target: PathBuf,
    /// What the lock is on. There is no lock file, which somebody would tidy away.
    handle: File,
}

/// Waits until nobody else changes files of keys in the directory of this one.
pub(super) fn lock(path: &Path) -> Result<Directory, Error> {
    let target = match path.symlink_metadata() {
        Ok(_) => target(path)?,
        Err(_) => path.to_owned(),
    };
    Directory::lock(target, path)
}

/// The same, for a file that is to be made where nothing is: what is at its path is not followed.
pub(super) fn lock_to_create(path: &Path) -> Result<Directory, Error> {
    Directory::lock(path.to_owned(), path)
}

impl Directory {
    fn lock(target: PathBuf, named: &Path) -> Result<Self, Error> {
        let path = directory(&target).to_owned();
        let failed = |error| unavailable("lock the directory of", named, &error);
        let handle = File::open(&path).map_err(failed)?;
        handle.lock().map_err(failed)?;
        Ok(Self { path, target, handle })
    }

    /// Makes the file, all at once, if there is nothing in its place.
    pub(super) fn create(&self, text: &str) -> Result<(), Error> {
        if self.target.symlink_metadata().is_ok() {
            return Err(occupied(&self.target));
        }
        let link = |new: &Path| match fs::hard_link(new, &self.target) {
            Ok(()) => fs::remove_file(new),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // A file system without links. Whoever else makes files of keys here waits for the lock.
            Err(_) => fs::rename(new, &self.target),
        };
        self.put(text, link).map_err(|error| match error.kind() {
            // Somebody who knows no lock was faster.
            io::ErrorKind::AlreadyExists => occupied(&self.target),
            _ => unavailable("write", &self.target, &error),
        })
    }

    /// Puts another text in the place of the file, all at once: also when the machine stops in between.
    pub(super) fn replace(&self, text: &str) -> Result<(), Error> {
        let rename = |new: &Path| fs::rename(new, &self.target);
        self.put(text, rename)
            .map_err(|error| unavailable("write", &self.target, &error))
    }

    /// Writes a file beside the one that is meant, and lets it take its place.
    fn put(&self, text: &str, take_place: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        // A name that nobody else gives to a file of theirs.
        let mut name = OsString::from(".");
        name.push(self.target.file_name().unwrap_or_default());
        name.push(".cloakroom");
        let new = self.path.join(name);
        let put = write(&new, text)
            .and_then(|()| take_place(&new))
            .and_then(|()| self.handle.sync_all());
        if put.is_err() {
            // Best effort: what failed is said, and the next change removes it.
            let _ = fs::remove_file(&new);
        }
        put
    }
}

fn write(new: &Path, text: &str) -> io::Result<()> {
    // Somebody was killed on the way. Whoever has the lock is the only one who writes it.
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Why no file is made here.
fn occupied(path: &Path) -> Error {
    let shown = path.display();
    let leads_nowhere = |_: &PathBuf| !matches!(path.try_exists(), Ok(true));
    let why = match fs::read_link(path).ok().filter(leads_nowhere) {
        Some(to) => format!(
            "{shown} is a symbolic link to {}, where there is no file: remove the link, or name another file",
            to.display()
        ),
        None => {
            format!(
                "{shown} is there already: add a key to it with `cloakroom keys add`, or name another file"
            )
        }
    };
    Error::new(ErrorKind::Invalid, why)
}

/// Where the file really is. A link may lead to a file below its own directory, as those of Kubernetes do.
fn target(path: &Path) -> Result<PathBuf, Error> {
    let real = |path: &Path| fs::canonicalize(path);
    let target = real(path).map_err(|error| match fs::read_link(path) {
        Ok(to) if error.kind() == io::ErrorKind::NotFound => Error::new(
            ErrorKind::Unavailable,
            format!(
                "could not find the key file {}: it is a symbolic link to {}, where there is no file",
                path.display(),
                to.display()
            ),
        ),
        _ => unavailable("find", path, &error),
    })?;
    let home = real(directory(path)).map_err(|error| unavailable("find the directory of", path, &error))?;
    if target.starts_with(&home) {
        return Ok(target);
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!(
            "the key file {} is a symbolic link that leads out of its directory: name {} itself",
            path.display(),
            target.display()
        ),
    ))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
