//! Who has an account, and how Cloakroom finds them. Kept in one file beside the sessions, or only in memory.

mod account;
mod chosen;
mod file;
mod ledger;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use cloakroom::Users;
use cloakroom::store::Principal;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

pub(crate) use self::account::Account;
pub(crate) use self::chosen::{Name, Password};
use self::file::ReadError;
use self::ledger::Ledger;
use super::passwords::Passwords;
use super::problem::Problem;

/// The accounts; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    /// All accounts. Held while the file is written, so that writes come one after the other.
    ledger: Arc<Mutex<Ledger>>,
    passwords: Passwords,
}

impl Users for Accounts {
    type User = Account;
    type Error = Infallible;

    async fn find(&self, principal: &Principal) -> Result<Option<Account>, Infallible> {
        Ok(self.ledger.lock().await.by_id(principal).cloned())
    }

    /// Whoever was signed in with another password is signed out.
    fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
        Some(account.password.as_bytes())
    }
}

impl Accounts {
    /// Accounts that are gone when the process ends.
    pub(crate) fn in_memory() -> Self {
        Self::with(Ledger::default())
    }

    /// Accounts kept in `users.json` of this directory.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read. It is left as it is.
    pub(crate) fn open(directory: &Path) -> Result<Self, ReadError> {
        let path = directory.join("users.json");
        let accounts = file::read(&path)?;
        Ok(Self::with(Ledger {
            accounts,
            path: Some(path),
        }))
    }

    /// Opens an account, durably; answers it, or nothing when the name is taken.
    ///
    /// Upper and lower case make no other name: "Ada" and "ada" would be one person to everybody else.
    pub(crate) async fn sign_up(&self, name: Name, password: Password) -> Result<Option<Account>, Problem> {
        let hash = self.passwords.hash(password.into_text()).await?;
        let ledger = Arc::clone(&self.ledger);
        // All in one blocking step that a disconnecting client cannot stop half-way.
        let opened = spawn_blocking(move || ledger.blocking_lock().open(name, hash));
        opened
            .await
            .map_err(Problem::internal)?
            .map_err(Problem::internal)
    }

    /// The account whose name and password these are.
    pub(crate) async fn identify(&self, name: &str, password: String) -> Result<Option<Account>, Problem> {
        let account = self.ledger.lock().await.by_name(name.trim()).cloned();
        let hash = account.as_ref().map(|account| account.password.clone());
        let verified = self.passwords.verify(password, hash).await?;
        Ok(account.filter(|_| verified))
    }

    fn with(ledger: Ledger) -> Self {
        Self {
            ledger: Arc::new(Mutex::new(ledger)),
            passwords: Passwords::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn accounts_are_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(directory.path()).unwrap();
        let ada = accounts.sign_up(name("Ada"), password()).await.unwrap().unwrap();

        let accounts = Accounts::open(directory.path()).unwrap();
        for (name, password, expected) in [
            (" ada ", "correct horse", Some(&ada.id)),
            ("Ada", "wrong horse", None),
            ("Bob", "correct horse", None),
        ] {
            let identified = accounts.identify(name, password.to_owned()).await.unwrap();
            let identified = identified.map(|account| account.id);
            assert_eq!(identified.as_ref(), expected, "{name} {password}");
        }
        let Ok(found) = accounts.find(&ada.id).await;
        assert_eq!(found.unwrap().name, "Ada");
    }

    #[tokio::test]
    async fn of_many_who_want_a_name_at_once_one_gets_it() {
        let accounts = Accounts::in_memory();
        let mut opened = 0;
        let (ada, upper, lower) = tokio::join!(
            accounts.sign_up(name("Ada"), password()),
            accounts.sign_up(name("ADA"), password()),
            accounts.sign_up(name("ada"), password()),
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
        let accounts = Accounts::open(directory.path()).unwrap();
        accounts.sign_up(name("Ada"), password()).await.unwrap();
        let mode = fs::metadata(directory.path().join("users.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn password() -> Password {
        Password::parse("correct horse").unwrap()
    }
}
