//! Who has an account: a table in SQLite, with argon2id hashes of passwords.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use cloakroom::Users;
use cloakroom::store::Principal;
use rusqlite::{Connection, OptionalExtension as _, Params};
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

pub type Failure = Box<dyn Error + Send + Sync>;

/// An account, as handlers get it: `User<Account>`.
pub struct Account {
    pub id: i64,
    pub name: String,
    pub hash: String,
}

/// All accounts; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    table: Arc<Mutex<Connection>>,
    /// Who may hash: it takes 19 MiB each, and a crowd at the door is not to take all memory.
    turns: Arc<Semaphore>,
}

impl Users for Accounts {
    type User = Account;
    type Error = Failure;

    async fn find(&self, principal: &Principal) -> Result<Option<Account>, Failure> {
        let id: i64 = principal.as_str().parse()?;
        self.one("SELECT id, name, hash FROM account WHERE id = ?1", [id])
    }

    /// A new password is a new hash, and ends what was signed in with the one before.
    fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
        Some(account.hash.as_bytes())
    }
}

impl Accounts {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let table = Connection::open(path)?;
        // AUTOINCREMENT gives no id twice: what is left of a deleted account is nobody else's.
        table.execute_batch(
            "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY AUTOINCREMENT,
                 name TEXT NOT NULL UNIQUE COLLATE NOCASE, hash TEXT NOT NULL) STRICT",
        )?;
        Ok(Self {
            table: Arc::new(Mutex::new(table)),
            turns: Arc::new(Semaphore::new(2)),
        })
    }

    /// A new account; `None` when somebody has that name.
    pub async fn add(&self, name: &str, password: &str) -> Result<Option<Account>, Failure> {
        let add = "INSERT INTO account (name, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING id, name, hash";
        self.one(add, (name, self.hash(password).await?))
    }

    /// The account of that name, if this is its password. It takes as long where there is none.
    pub async fn check(&self, name: &str, password: &str) -> Result<Option<Account>, Failure> {
        let account = self.one("SELECT id, name, hash FROM account WHERE name = ?1", [name])?;
        let hash = account.as_ref().map_or(NOBODYS, |account| &account.hash);
        let _turn = self.turns.acquire().await?;
        let verified = block_in_place(|| Argon2::default().verify_password(password.as_bytes(), hash));
        Ok(account.filter(|_| verified.is_ok()))
    }

    /// Gives an account another password; `None` when it is gone.
    pub async fn change_password(&self, id: i64, password: &str) -> Result<Option<Account>, Failure> {
        let change = "UPDATE account SET hash = ?2 WHERE id = ?1 RETURNING id, name, hash";
        self.one(change, (id, self.hash(password).await?))
    }

    pub fn delete(&self, id: i64) -> Result<Option<Account>, Failure> {
        self.one("DELETE FROM account WHERE id = ?1 RETURNING id, name, hash", [id])
    }

    async fn hash(&self, password: &str) -> Result<String, Failure> {
        let _turn = self.turns.acquire().await?;
        let hash = block_in_place(|| Argon2::default().hash_password(password.as_bytes()))?;
        Ok(hash.to_string())
    }

    fn one(&self, statement: &str, values: impl Params) -> Result<Option<Account>, Failure> {
        block_in_place(|| {
            let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let account = table.query_row(statement, values, |row| {
                let (id, name, hash) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Account { id, name, hash })
            });
            Ok(account.optional()?)
        })
    }
}

/// A hash of nobody's password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2xvYWtyb29tLWRlY295$4WvZQ9rQ5b7H9dJpQm0c7W2ZrVhJm0u6w1pZf3t7b1A";
