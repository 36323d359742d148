//! `keys retire`: refuses a key, once no session lives that it sealed.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, KeyId, KeyState, Keys};

use super::{Named, spoken};

#[derive(Debug, Args)]
pub(super) struct Retire {
    #[command(flatten)]
    key: Named,

    /// How many days your longest sessions live: the absolute timeout of those who asked to be remembered. With 0 users
    /// are signed out whose sessions the key sealed
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    longest_session: u32,
}

impl Retire {
    pub(super) fn run(self, file: &KeyFile, now: Timestamp) -> anyhow::Result<String> {
        let (id, path) = (self.key.id()?, file.path().display());
        // Judged and done under one lock: nobody changes the key's state in between.
        file.change(|keys| Ok(self.retire(keys, id, now)))??;
        Ok(format!(
            "\
Key {id} is retired: nodes refuse what it sealed, and take whoever comes with it for anonymous.

If users are signed out who should not be: cloakroom keys reopen {id} --file {path}
"
        ))
    }

    fn retire(&self, keys: &mut Keys, id: KeyId, now: Timestamp) -> anyhow::Result<()> {
        let longest = Duration::from_secs(u64::from(self.longest_session) * 24 * 60 * 60);
        let retiring = keys
            .iter()
            .find(|key| key.id == id && key.state == KeyState::Retiring);
        if let Some(key) = retiring
            && key.since.age(now) < longest
        {
            let age = key.since.age(now);
            bail!(
                "key {id} may have sealed until {} ago, and sessions live up to {}: whoever has one would be signed out; \
                 wait {}, or say how long yours live with --longest-session",
                spoken(age),
                spoken(longest),
                spoken(longest - age)
            );
        }
        Ok(keys.retire(id, now)?)
    }
}
