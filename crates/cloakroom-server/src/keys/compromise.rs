//! `keys compromise`: refuses a key at once, because somebody else has it.

use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, KeyId, ServerKey, Successor};

pub(super) fn run(file: &KeyFile, id: KeyId, now: Timestamp) -> anyhow::Result<String> {
    let spare = ServerKey::generate()?;
    let successor = file.change(|keys| keys.compromise(id, spare, now))?;
    let path = file.path().display();
    let sealing = match successor {
        Successor::NotNeeded => "Another key is the active one, as before.".to_owned(),
        Successor::Pending(next) => format!("Key {next}, which was pending, is active: nodes seal with it."),
        Successor::New(next) => format!(
            "Key {next} is new and active, since none was pending. Nodes that have not read it yet answer 503 for what it \
             seals."
        ),
    };
    Ok(format!(
        "\
Key {id} is compromised: its bytes are gone from {path}, and nodes refuse what it sealed as soon as they have read this.
Its users have to sign in again. {sealing}

Next: see that every node has it, at once, and restart those that do not watch the file. Put no older copy back.
Then, where sessions are sealed or hybrid, or whoever has the key could write to the store: end everyone's sessions, with
Sessions::end_everyone. Whoever has the key could make sessions for anybody, and those may be sealed anew by now.
"
    ))
}
