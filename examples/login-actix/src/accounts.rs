//! Who has an account: names, and passwords hashed with argon2id.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::{Error, PasswordHasher as _, PasswordVerifier as _};
use cloakroom::store::Principal;
use cloakroom::{SignIn, Users};

/// An account, as handlers get it: `User<Account>`.
#[derive(Clone)]
pub struct Account {
    pub name: String,
    hash: String,
}

impl Account {
    /// What its user has shown.
    pub fn sign_in(&self) -> SignIn {
        SignIn::new(&self.name).method("password").credentials(&self.hash)
    }
}

/// All accounts; cheap to clone.
#[derive(Clone, Default)]
pub struct Accounts(Arc<Mutex<HashMap<String, Account>>>);

impl Users for Accounts {
    type User = Account;
    type Error = Infallible;

    async fn find(&self, name: &Principal) -> Result<Option<Account>, Infallible> {
        Ok(self.table().get(name.as_str()).cloned())
    }

    fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
        Some(account.hash.as_bytes())
    }
}

impl Accounts {
    pub fn add(&self, name: &str, password: &str) -> Result<(), Error> {
        let hash = Argon2::default().hash_password(password.as_bytes())?.to_string();
        let name = name.to_owned();
        self.table().insert(name.clone(), Account { name, hash });
        Ok(())
    }

    /// The account of that name, if this is its password. It takes as long where there is none.
    pub fn check(&self, name: &str, password: &str) -> Option<Account> {
        let found = self.table().get(name).cloned();
        let hash = found.as_ref().map_or(NOBODYS, |account| &account.hash);
        let verified = Argon2::default().verify_password(password.as_bytes(), hash);
        found.filter(|_| verified.is_ok())
    }

    pub fn delete(&self, account: &Account) {
        self.table().remove(&account.name);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash of nobody's password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2xvYWtyb29tLWRlY295$4WvZQ9rQ5b7H9dJpQm0c7W2ZrVhJm0u6w1pZf3t7b1A";
