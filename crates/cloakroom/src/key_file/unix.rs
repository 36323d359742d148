//! Who may have a key file, and how it is replaced as a whole: on Unix.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
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

/// Waits until nobody else changes files of keys in this directory.
pub(super) fn lock(path: &Path) -> Result<Directory, Error> {
    let target = match path.symlink_metadata() {
        Ok(_) => target(path)?,
        Err(_) => path.to_owned(),
    };
    let directory = directory(&target).to_owned();
    let failed = |error| unavailable("lock the directory of", path, &error);
    let handle = File::open(&directory).map_err(failed)?;
    handle.lock().map_err(failed)?;
    Ok(Directory {
        path: directory,
        target,
        handle,
    })
}

impl Directory {
    /// Puts another text in the place of the file, all at once: also when the machine stops in between.
    pub(super) fn replace(&self, text: &str) -> Result<(), Error> {
        let mut name = self.target.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.path.join(name);
        let written = self.write(&new, text);
        if written.is_err() {
            // Best effort: what failed is said, and the next change removes it.
            let _ = fs::remove_file(&new);
        }
        written.map_err(|error| unavailable("write", &self.target, &error))
    }

    fn write(&self, new: &Path, text: &str) -> std::io::Result<()> {
        // Somebody was killed on the way. Whoever has the lock is the only one who writes it.
        match fs::remove_file(new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, &self.target)?;
        self.handle.sync_all()
    }
}

/// Where the file really is. A link may lead to a file below its own directory, as those of Kubernetes do.
fn target(path: &Path) -> Result<PathBuf, Error> {
    let real = |path: &Path| fs::canonicalize(path);
    let target = real(path).map_err(|error| unavailable("find", path, &error))?;
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
