//! The file of all accounts: replaced as a whole, and refused when it is damaged or newer.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::Account;

/// The accounts in this file; none where it is not there.
///
/// # Errors
///
/// When it is there and cannot be read. It is left as it is.
pub(super) fn read(path: &Path) -> Result<Vec<Account>, ReadError> {
    read_accounts(path).map_err(|reason| ReadError {
        path: path.to_owned(),
        reason,
    })
}

/// Replaces the file, so that at any moment of a power cut there is the old one or the new one.
pub(super) fn write(path: &Path, accounts: &[Account]) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(&Format {
        version: VERSION,
        accounts,
    })?;
    let draft = path.with_extension("json.new");
    let mut file = create_private(&draft)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_directory_of(path)
}

/// The accounts could not be read; the text names the file and says what to do.
#[derive(Debug)]
pub(crate) struct ReadError {
    path: PathBuf,
    reason: Unreadable,
}

#[derive(Debug)]
enum Unreadable {
    Damaged(serde_json::Error),
    Io(io::Error),
    Newer(u32),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            Unreadable::Damaged(_) => {
                write!(
                    f,
                    "the accounts in {path} are damaged: restore the file, or move it away to start over"
                )
            }
            Unreadable::Io(_) => write!(f, "could not read the accounts in {path}"),
            Unreadable::Newer(version) => write!(
                f,
                "the accounts in {path} were written by a newer version (format {version}): use that version, \
                 or another directory with --data"
            ),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Unreadable::Damaged(source) => Some(source),
            Unreadable::Io(source) => Some(source),
            Unreadable::Newer(_) => None,
        }
    }
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Format<Accounts> {
    version: u32,
    accounts: Accounts,
}

const VERSION: u32 = 1;

/// What every version of the file holds.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn read_accounts(path: &Path) -> Result<Vec<Account>, Unreadable> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Unreadable::Io(error)),
    };
    let version: Version = serde_json::from_slice(&text).map_err(Unreadable::Damaged)?;
    if version.version > VERSION {
        return Err(Unreadable::Newer(version.version));
    }
    let format: Format<Vec<Account>> = serde_json::from_slice(&text).map_err(Unreadable::Damaged)?;
    Ok(format.accounts)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The new name is as durable as the file only once its directory is.
#[cfg(unix)]
fn sync_directory_of(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(not(unix))]
fn sync_directory_of(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_or_newer_file_is_refused_and_left_alone() {
        for (text, expected) in [
            ("{", "are damaged"),
            (r#"{"version":1}"#, "are damaged"),
            (r#"{"version":2,"people":{}}"#, "newer version (format 2)"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("users.json");
            fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("users.json"),
                "{error}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
