//! Who has an account: a table in SQLite. How Cloakroom finds a user in it, and what a sign-in says of one.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom::store::Principal;
use cloakroom::{SignIn, Users};
use rusqlite::{Connection, OptionalExtension as _, Params};
use tokio::task::spawn_blocking;

use crate::passwords;

pub type Failure = Box<dyn Error + Send + Sync>;

/// An account, as handlers get it: `User<Account>`.
pub struct Account {
    pub id: i64,
    pub name: String,
    hash: String,
}

impl Account {
    /// Signs in with the password that the account has at this moment.
    pub fn sign_in(&self) -> SignIn {
        SignIn::from(self.id).method("password").credentials(&self.hash)
    }
}

/// All accounts; cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Mutex<Connection>>);

impl Users for Accounts {
    type User = Account;
    type Error = Failure;

    async fn find(&self, principal: &Principal) -> Result<Option<Account>, Failure> {
        let id: i64 = principal.as_str().parse()?;
        let find = "SELECT id, name, hash FROM account WHERE id = ?1";
        self.one(find, [id]).await
    }

    /// A new password is a new hash, and ends what was signed in with the one before.
    fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
        Some(account.hash.as_bytes())
    }
}

impl Accounts {
    pub fn open(path: &str) -> Result<Self, Failure> {
        let table = Connection::open(path)?;
        // AUTOINCREMENT gives no id twice: what is left of a deleted account is nobody else's.
        table.execute_batch(
            "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY AUTOINCREMENT,
                 name TEXT NOT NULL UNIQUE COLLATE NOCASE, hash TEXT NOT NULL) STRICT",
        )?;
        Ok(Self(Arc::new(Mutex::new(table))))
    }

    /// A new account; `None` when somebody has that name.
    pub async fn add(&self, name: &str, password: &str) -> Result<Option<Account>, Failure> {
        let add = "INSERT INTO account (name, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING id, name, hash";
        let hash = passwords::hash(password).await?;
        self.one(add, (name.to_owned(), hash)).await
    }

    /// The account of that name, if this is its password.
    pub async fn check(&self, name: &str, password: &str) -> Result<Option<Account>, Failure> {
        let find = "SELECT id, name, hash FROM account WHERE name = ?1";
        let account = self.one(find, [name.to_owned()]).await?;
        let hash = account.as_ref().map(|account| account.hash.as_str());
        let verified = passwords::verify(password, hash).await?;
        Ok(account.filter(|_| verified))
    }

    /// Gives an account another password; `None` when it is gone.
    pub async fn change_password(&self, id: i64, password: &str) -> Result<Option<Account>, Failure> {
        let change = "UPDATE account SET hash = ?2 WHERE id = ?1 RETURNING id, name, hash";
        let hash = passwords::hash(password).await?;
        self.one(change, (id, hash)).await
    }

    pub async fn delete(&self, id: i64) -> Result<Option<Account>, Failure> {
        let delete = "DELETE FROM account WHERE id = ?1 RETURNING id, name, hash";
        self.one(delete, [id]).await
    }

    async fn one<P>(&self, statement: &'static str, values: P) -> Result<Option<Account>, Failure>
    where
        P: Params + Send + 'static,
    {
        let table = Arc::clone(&self.0);
        let asking = spawn_blocking(move || {
            let table = table.lock().unwrap_or_else(PoisonError::into_inner);
            let account = table.query_row(statement, values, |row| {
                let (id, name, hash) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Account { id, name, hash })
            });
            account.optional()
        });
        Ok(asking.await??)
    }
}
