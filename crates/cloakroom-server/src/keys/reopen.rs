//! `keys reopen`: takes a retirement back.

use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, KeyId};

pub(super) fn run(file: &KeyFile, id: KeyId, now: Timestamp) -> anyhow::Result<String> {
    file.change(|keys| keys.reopen(id, now))?;
    Ok(format!(
        "\
Key {id} is retiring again: nodes open what it sealed. Whoever was signed out and got no other cookie since is back.
"
    ))
}
