//! `keys activate`: seals with another key, once every node has it.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, KeyId, KeyInfo, KeyState, Keys};

use super::{Named, spoken};

/// How long a key was pending, or is open again, at least. Nodes look at their file every second; copies take longer.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct Activate {
    #[command(flatten)]
    key: Named,

    /// Do not wait the minute that a new key takes to reach all nodes: every node has it already
    #[arg(long)]
    now: bool,
}

impl Activate {
    pub(super) fn run(self, file: &KeyFile, now: Timestamp) -> anyhow::Result<String> {
        let (id, path) = (self.key.id()?, file.path().display());
        // Judged and done under one lock: nobody changes the key's state in between.
        let before = file.change(|keys| Ok(self.activate(keys, id, now)))??;
        if before == id {
            return Ok(format!("Key {id} is active already.\n"));
        }
        Ok(format!(
            "\
Key {id} is active: nodes seal with it. Key {before} is retiring: it still opens what it has sealed.

Stored sessions are sealed anew as they are written: those that are only read stay with {before} until they end. Sealed ones
are sealed anew with their next cookie, which is due soon after they are used. What is not used stays with {before}.
Next: when your longest sessions of today are over, cloakroom keys retire {before} --file {path}
Sooner, when every node that watches the file has logged opened=0 for {before} for longer than sessions may be idle.
"
        ))
    }

    /// Answers which key was active before.
    fn activate(&self, keys: &mut Keys, id: KeyId, now: Timestamp) -> anyhow::Result<KeyId> {
        let active = keys.active();
        let key = keys.iter().find(|key| key.id == id);
        if let Some(key) = key.filter(|key| !self.now && key.since.age(now) < ON_ITS_WAY)
            && let Some(risk) = on_its_way(&key, &active)
        {
            bail!(
                "key {id} is {} for {} only, and a node that has not heard of it yet {risk}: \
                 wait a minute and see that every node has it, or give --now if they do",
                key.state,
                spoken(key.since.age(now))
            );
        }
        let before = active.id;
        if before != id {
            keys.activate(id, now)?;
        }
        Ok(before)
    }
}

/// What a node does to what a key seals of whose state it may not have heard yet.
fn on_its_way(key: &KeyInfo, active: &KeyInfo) -> Option<&'static str> {
    match key.state {
        KeyState::Pending => Some("answers 503 for what it seals"),
        // Since the one that is active is, it has been opening all along. Otherwise it may have been refused until then.
        KeyState::Retiring if key.since != active.since => Some("may sign out whoever has what it seals"),
        _ => None,
    }
}
