//! The file: where it is, that it is private, and whether it is still the one that was opened.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use cloakroom_store::{Error, ErrorKind};

use super::failure;

/// Where a database is, or will be.
///
/// Nothing here opens a database that is in use: closing it again would take the locks from every other connection that
/// this process has to it, for that is how POSIX has it.
#[derive(Debug, Clone)]
pub(super) struct DataFile {
    /// Through no link, so that all processes find the same log beside it.
    path: PathBuf,
}

impl DataFile {
    /// Finds the directory, and sees that only those may write to it who may be trusted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when there is no such directory, or no file can have this name.
    /// [`ErrorKind::Unavailable`] when everybody may write to it.
    pub(super) fn locate(path: &Path) -> Result<Self, Error> {
        let Some(name) = path.file_name() else {
            return Err(failure::about(
                ErrorKind::Misconfigured,
                path,
                "has no file name: name a file, such as sessions.db",
            ));
        };
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        let directory = match fs::canonicalize(directory) {
            Ok(directory) if directory.is_dir() => directory,
            Err(error)
                if error.kind() != io::ErrorKind::NotFound
                    && error.kind() != io::ErrorKind::NotADirectory =>
            {
                return Err(failure::path("use the directory", directory, &error));
            }
            _ => {
                return Err(failure::about(
                    ErrorKind::Misconfigured,
                    path,
                    "has no directory to be in: make it, or name another path",
                ));
            }
        };
        let everybody = everybody_writes(&directory)
            .map_err(|error| failure::path("use the directory", &directory, &error))?;
        if everybody {
            // Somebody else's file beside ours would be read as its log.
            return Err(failure::about(
                ErrorKind::Unavailable,
                path,
                format_args!(
                    "is in a directory that everybody may write to, so it cannot be trusted: make a directory for it \
                     in {}, or run `chmod o-w` on that",
                    directory.display()
                ),
            ));
        }
        Ok(Self {
            path: directory.join(name),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] when there is something else: a directory, a link.
    pub(super) fn exists(&self) -> Result<bool, Error> {
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failure::path("use the session store", &self.path, &error)),
            Ok(metadata) if metadata.is_file() => Ok(true),
            Ok(_) => Err(failure::about(
                ErrorKind::Corrupt,
                &self.path,
                "is not a file: move it away, or name another path",
            )),
        }
    }

    /// Takes from others what they may do with it. The files beside it get their modes from it.
    pub(super) fn make_private(&self) -> Result<(), Error> {
        make_private(&self.path).map_err(|error| failure::path("make private", &self.path, &error))
    }

    /// Makes an empty, private file beside it, where a new database can grow up.
    pub(super) fn begin(&self) -> Result<PathBuf, Error> {
        let begin = |number: u32| {
            let mut name = OsString::from(&self.path);
            name.push(format!(".new-{}-{number}", std::process::id()));
            let path = PathBuf::from(name);
            let mut options = OpenOptions::new();
            private(&mut options);
            options.write(true).create_new(true).open(&path).map(|_| path)
        };
        let taken = |made: &io::Result<PathBuf>| {
            made.as_ref()
                .is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
        };
        let made = (0..1000).map(begin).find(|made| !taken(made));
        made.unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
            .map_err(|error| failure::path("make the session store", &self.path, &error))
    }

    /// Gives a database that is whole its name, unless another process was faster: then that one's counts.
    pub(super) fn publish(&self, begun: &Path) -> Result<(), Error> {
        // A link, because it does not replace what is there.
        let published = match fs::hard_link(begun, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        fs::remove_file(begun)
            .and(published)
            .and_then(|()| sync_directory(self.path.parent().unwrap_or(Path::new("."))))
            .map_err(|error| failure::path("make the session store", &self.path, &error))
    }

    /// Which file the path leads to now, if to any.
    pub(super) fn identity(&self) -> Option<Identity> {
        fs::symlink_metadata(&self.path)
            .ok()
            .map(|metadata| Identity::of(&metadata))
    }
}

const FILE_MODE: u32 = 0o600;

/// Tells one file from another, whatever their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }

    /// Elsewhere a file that is open cannot be removed or replaced.
    #[cfg(not(unix))]
    fn of(_: &fs::Metadata) -> Self {
        Self(0, 0)
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(FILE_MODE);
}

/// Sets the mode, if others may do anything now.
#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::symlink_metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(FILE_MODE))
}

#[cfg(unix)]
fn everybody_writes(directory: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(directory)?.permissions().mode() & 0o002 != 0)
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

// Elsewhere access is inherited from the directory above, and a directory cannot be opened as a file.

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn everybody_writes(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
