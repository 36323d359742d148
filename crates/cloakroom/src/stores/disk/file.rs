//! The directory and the file: made private, locked, published when whole, and never taken for another's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloakroom_store::ErrorKind;

use super::failure::{self, Failure};

/// The file in the directory.
const NAME: &str = "sessions.redb";

/// What the file is called until it is whole: a crash while it is made leaves nothing behind that looks like a store.
const UNFINISHED: &str = "sessions.redb.new";

/// The file of a store, locked for this process until it is dropped.
pub(super) struct DataFile {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) origin: Origin,
}

/// Where the file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was made just now, is empty, and has not got its name yet.
    New,
    /// It was there.
    Existing,
}

impl DataFile {
    /// Opens the file in this directory and locks it; makes both where they are missing.
    pub(super) fn open(directory: &Path) -> Result<Self, Failure> {
        prepare_directory(directory)?;
        // Another process may make the file, or give it its name, while we look. That ends: it has a lock then.
        for _ in 0..3 {
            if let Some(found) = Self::existing(directory)? {
                return Ok(found);
            }
            if let Some(made) = Self::create(directory)? {
                return Ok(made);
            }
        }
        Err(in_use(&directory.join(NAME)))
    }

    fn existing(directory: &Path) -> Result<Option<Self>, Failure> {
        let path = directory.join(NAME);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failure::path("open the session store", &path, &error)),
            Ok(metadata) if !metadata.is_file() => {
                return Err(not_a_file(&path));
            }
            Ok(_) => {}
        }
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let file = opened.map_err(|error| failure::path("open the session store", &path, &error))?;
        lock(&file, &path)?;
        if !is_at(&file, &path) {
            return Ok(None);
        }
        let metadata = file
            .metadata()
            .map_err(|error| failure::path("open the session store", &path, &error))?;
        if metadata.len() == 0 {
            return Err(Failure::new(
                ErrorKind::Corrupt,
                format!(
                    "the session store {} is empty, which it never is by itself: restore it from a backup, or \
                     remove the file to begin with an empty store",
                    path.display()
                ),
            ));
        }
        Ok(Some(Self {
            path,
            file: Arc::new(file),
            origin: Origin::Existing,
        }))
    }

    /// Makes an empty file under a name of its own, or nothing when somebody else was faster.
    fn create(directory: &Path) -> Result<Option<Self>, Failure> {
        let (path, unfinished) = (directory.join(NAME), directory.join(UNFINISHED));
        let failed = |error: &io::Error| failure::path("make the session store", &unfinished, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        private(&mut options);
        // `create_new` follows no link: through one, it would be somebody else's file that is made.
        let opened = match options.clone().create_new(true).open(&unfinished) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match fs::symlink_metadata(&unfinished) {
                    Ok(metadata) if !metadata.is_file() => return Err(not_a_file(&unfinished)),
                    _ => options.open(&unfinished),
                }
            }
            made => made,
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && directory.exists() => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        lock(&file, &path)?;
        if !is_at(&file, &unfinished) {
            return Ok(None);
        }
        if fs::symlink_metadata(&path).is_ok() {
            fs::remove_file(&unfinished).map_err(|error| failed(&error))?;
            return Ok(None);
        }
        // What is in it was left by a process that ended while it made one: it was never a store.
        file.set_len(0)
            .and_then(|()| make_private(&file, FILE_MODE))
            .map_err(|error| failed(&error))?;
        Ok(Some(Self {
            path,
            file: Arc::new(file),
            origin: Origin::New,
        }))
    }

    /// Gives the file its name, now that it is whole, or takes from others what they may do with one that was there.
    pub(super) fn publish(&self) -> Result<(), Failure> {
        let published = match self.origin {
            Origin::Existing => make_private(&self.file, FILE_MODE),
            Origin::New => {
                let directory = self.path.parent().unwrap_or(Path::new("."));
                fs::rename(directory.join(UNFINISHED), &self.path).and_then(|()| sync_directory(directory))
            }
        };
        published.map_err(|error| failure::path("set up the session store", &self.path, &error))
    }
}

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Makes the directory for nobody but us, or sees to it that nobody can put another file into it.
///
/// An empty one becomes private. One with something in it may serve others as well and keeps its mode: the file is
/// private by itself. Only if everybody may write to it, it is refused.
fn prepare_directory(directory: &Path) -> Result<(), Failure> {
    let failed = |error: &io::Error| failure::path("use the directory", directory, error);
    match fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            private_directory(&mut builder);
            return builder
                .create(directory)
                .map_err(|error| failure::path("make the directory", directory, &error));
        }
        Err(error) => return Err(failed(&error)),
        Ok(metadata) if !metadata.is_dir() => {
            return Err(Failure::new(
                ErrorKind::Unavailable,
                format!(
                    "{} is not a directory, and the session store needs one: name another path",
                    directory.display()
                ),
            ));
        }
        Ok(_) => {}
    }
    let empty = fs::read_dir(directory)
        .map_err(|error| failed(&error))?
        .next()
        .is_none();
    let opened = File::open(directory).map_err(|error| failed(&error))?;
    // A directory of somebody else stays as it is; whether it will do is for the next line to say.
    let private = empty && make_private(&opened, DIRECTORY_MODE).is_ok();
    if !private && everybody_writes(&opened).map_err(|error| failed(&error))? {
        return Err(Failure::new(
            ErrorKind::Unavailable,
            format!(
                "everybody may write to the directory {0}, so the session store does not trust it: run `chmod 700 \
                 {0}`, or name another directory",
                directory.display()
            ),
        ));
    }
    Ok(())
}

fn lock(file: &File, path: &Path) -> Result<(), Failure> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(in_use(path)),
        Err(TryLockError::Error(error)) => Err(failure::path("lock the session store", path, &error)),
    }
}

fn not_a_file(path: &Path) -> Failure {
    Failure::new(
        ErrorKind::Corrupt,
        format!(
            "{} is not a file, so it is no session store: move it away, or name another directory",
            path.display()
        ),
    )
}

fn in_use(path: &Path) -> Failure {
    Failure::new(
        ErrorKind::Unavailable,
        format!(
            "the session store {} is open already, most likely in another process: stop that one, or name another \
             directory",
            path.display()
        ),
    )
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(FILE_MODE);
}

#[cfg(unix)]
fn private_directory(builder: &mut fs::DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(DIRECTORY_MODE);
}

/// Sets the mode, if others may do anything now.
#[cfg(unix)]
fn make_private(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
fn everybody_writes(directory: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(directory.metadata()?.permissions().mode() & 0o002 != 0)
}

/// Whether the file is what the path names, and not what it named before or what a link there leads to.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

// Elsewhere access is inherited from the directory above, and a directory cannot be opened as a file.

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

#[cfg(not(unix))]
fn private_directory(_: &mut fs::DirBuilder) {}

#[cfg(not(unix))]
fn make_private(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn everybody_writes(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_file())
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
