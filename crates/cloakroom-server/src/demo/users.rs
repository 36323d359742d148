//! Who has an account. Kept in one file beside the sessions, or only in memory.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloakroom::store::Principal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::passwords::Passwords;
use super::problem::Problem;

/// The accounts; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Users {
    /// All accounts. Held while the file is written, so that writes come one after the other.
    ledger: Arc<Mutex<Ledger>>,
    passwords: Passwords,
}

impl Users {
    /// Accounts that are gone when the process ends.
    pub(crate) fn in_memory() -> Self {
        Self::with(Ledger {
            accounts: Vec::new(),
            path: None,
        })
    }

    /// Accounts kept in `users.json` of this directory.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read. It is left as it is.
    pub(crate) fn open(directory: &Path) -> Result<Self, ReadError> {
        let path = directory.join("users.json");
        let accounts = read(&path).map_err(|reason| ReadError {
            path: path.clone(),
            reason,
        })?;
        Ok(Self::with(Ledger {
            accounts,
            path: Some(path),
        }))
    }

    /// Opens an account, durably; answers whose it is, or nothing when the name is taken.
    ///
    /// Upper and lower case make no other name: "Ada" and "ada" would be one person to everybody else.
    pub(crate) async fn sign_up(&self, name: Name, password: Password) -> Result<Option<Principal>, Problem> {
        let hash = self.passwords.hash(password.0).await?;
        let ledger = Arc::clone(&self.ledger);
        // All in one blocking step that a disconnecting client cannot stop half-way.
        let opened = spawn_blocking(move || ledger.blocking_lock().open(name, hash));
        opened
            .await
            .map_err(Problem::internal)?
            .map_err(Problem::internal)
    }

    /// Whose name and password these are.
    pub(crate) async fn identify(&self, name: &str, password: String) -> Result<Option<Principal>, Problem> {
        let account = self.ledger.lock().await.by_name(name.trim()).cloned();
        let hash = account.as_ref().map(|account| account.password.clone());
        let verified = self.passwords.verify(password, hash).await?;
        Ok(account.filter(|_| verified).map(|account| account.id))
    }

    /// The name of a principal; nothing when there is no such account (any more).
    pub(crate) async fn name(&self, principal: &Principal) -> Option<String> {
        let ledger = self.ledger.lock().await;
        let account = ledger.accounts.iter().find(|account| account.id == *principal)?;
        Some(account.name.clone())
    }

    fn with(ledger: Ledger) -> Self {
        Self {
            ledger: Arc::new(Mutex::new(ledger)),
            passwords: Passwords::default(),
        }
    }
}

/// What somebody wants to be called: 1 to 64 characters, none of them a control character.
#[derive(Debug)]
pub(crate) struct Name(String);

impl Name {
    /// The name, without the space around it; or what to tell the person.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err("Please enter a name."),
            1..=64 if text.chars().any(char::is_control) => Err("That name has characters nobody can see."),
            1..=64 => Ok(Self(text.to_owned())),
            _ => Err("That name is too long: 64 characters at most."),
        }
    }
}

/// A password that may be chosen: at least 8 characters, of any kind.
///
/// NIST SP 800-63B-4 §3.1.1.2: a minimum length, and no rules of composition.
pub(crate) struct Password(String);

impl Password {
    /// The password, or what to tell the person.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match text.chars().count() {
            0..8 => Err("Please choose a password of at least 8 characters."),
            8..=256 => Ok(Self(text.to_owned())),
            _ => Err("That password is too long: 256 characters at most."),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
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

#[derive(Debug)]
struct Ledger {
    accounts: Vec<Account>,
    /// Where they are kept, if anywhere.
    path: Option<PathBuf>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Account {
    /// The principal of its sessions. Random, so that an account opened under an old name inherits nothing.
    #[serde(
        serialize_with = "principal_to_text",
        deserialize_with = "principal_from_text"
    )]
    id: Principal,
    name: String,
    password: String,
}

impl Ledger {
    fn open(&mut self, name: Name, password: String) -> io::Result<Option<Principal>> {
        if self.by_name(&name.0).is_some() {
            return Ok(None);
        }
        let id = random_id()?;
        self.accounts.push(Account {
            id: id.clone(),
            name: name.0,
            password,
        });
        if let Some(path) = &self.path
            && let Err(error) = write(path, &self.accounts)
        {
            self.accounts.pop();
            return Err(error);
        }
        Ok(Some(id))
    }

    fn by_name(&self, name: &str) -> Option<&Account> {
        let name = name.to_lowercase();
        self.accounts
            .iter()
            .find(|account| account.name.to_lowercase() == name)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn random_id() -> io::Result<Principal> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    Principal::new(format!("user-{number:016x}")).map_err(io::Error::other)
}

fn principal_to_text<S: Serializer>(principal: &Principal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(principal.as_str())
}

fn principal_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Principal, D::Error> {
    Principal::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Format<Accounts> {
    version: u32,
    accounts: Accounts,
}

const VERSION: u32 = 1;

fn read(path: &Path) -> Result<Vec<Account>, Unreadable> {
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

/// What every version of the file holds.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Replaces the file, so that at any moment of a power cut there is the old one or the new one.
fn write(path: &Path, accounts: &[Account]) -> io::Result<()> {
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

    #[tokio::test]
    async fn accounts_are_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let users = Users::open(directory.path()).unwrap();
        let ada = users.sign_up(name("Ada"), password()).await.unwrap().unwrap();

        let users = Users::open(directory.path()).unwrap();
        assert_eq!(
            users.identify(" ada ", "correct horse".to_owned()).await.unwrap(),
            Some(ada.clone())
        );
        assert_eq!(
            users.identify("Ada", "wrong horse".to_owned()).await.unwrap(),
            None
        );
        assert_eq!(
            users.identify("Bob", "correct horse".to_owned()).await.unwrap(),
            None
        );
        assert_eq!(users.name(&ada).await.as_deref(), Some("Ada"));
    }

    #[tokio::test]
    async fn of_many_who_want_a_name_at_once_one_gets_it() {
        let users = Users::in_memory();
        let mut opened = 0;
        let (ada, upper, lower) = tokio::join!(
            users.sign_up(name("Ada"), password()),
            users.sign_up(name("ADA"), password()),
            users.sign_up(name("ada"), password()),
        );
        for answer in [ada, upper, lower] {
            opened += usize::from(answer.unwrap().is_some());
        }
        assert_eq!(opened, 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_on_the_machine_reads_the_file() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let users = Users::open(directory.path()).unwrap();
        users.sign_up(name("Ada"), password()).await.unwrap();
        let mode = fs::metadata(directory.path().join("users.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

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
            let error = Users::open(directory.path()).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("users.json"),
                "{error}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn names_and_passwords_have_a_length() {
        assert!(Name::parse(" \t").is_err());
        assert!(Name::parse("a\u{7}b").is_err());
        assert!(Name::parse(&"é".repeat(64)).is_ok());
        assert!(Name::parse(&"é".repeat(65)).is_err());
        assert!(Password::parse("1234567").is_err());
        assert!(Password::parse("pass phrase").is_ok());
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn password() -> Password {
        Password::parse("correct horse").unwrap()
    }
}
