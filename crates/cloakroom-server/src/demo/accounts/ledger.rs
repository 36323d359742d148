//! All accounts: in memory, and written as a whole when one is added.

use std::io;
use std::path::PathBuf;

use cloakroom::store::Principal;

use super::account::Account;
use super::chosen::Name;
use super::file;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) accounts: Vec<Account>,
    /// Where they are kept, if anywhere.
    pub(super) path: Option<PathBuf>,
}

impl Ledger {
    pub(super) fn open(&mut self, name: Name, password: String) -> io::Result<Option<Account>> {
        let name = name.into_text();
        if self.by_name(&name).is_some() {
            return Ok(None);
        }
        let account = Account {
            id: random_id()?,
            name,
            password,
        };
        self.accounts.push(account.clone());
        if let Some(path) = &self.path
            && let Err(error) = file::write(path, &self.accounts)
        {
            self.accounts.pop();
            return Err(error);
        }
        Ok(Some(account))
    }

    pub(super) fn by_id(&self, id: &Principal) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == *id)
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Account> {
        let name = name.to_lowercase();
        self.accounts
            .iter()
            .find(|account| account.name.to_lowercase() == name)
    }
}

fn random_id() -> io::Result<Principal> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    Principal::new(format!("user-{number:016x}")).map_err(io::Error::other)
}
