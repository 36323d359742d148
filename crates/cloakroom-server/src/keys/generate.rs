//! `keys generate`: a new file with one key.

use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, Keys, ServerKey};

pub(super) fn run(file: &KeyFile, now: Timestamp) -> anyhow::Result<String> {
    let keys = Keys::new(ServerKey::generate()?, now);
    file.create(&keys)?;
    let (id, path) = (keys.active().id, file.path().display());
    Ok(format!(
        "\
Made {path} with key {id}, which is active. Nobody else can read it.

Next: give it to every node before the first of them seals with it, owned by the user that the node runs as and with mode
0600. Keep a copy where the backups of your store are not: without it the sessions are lost, and with it whoever can write
to the store can forge them.
"
    ))
}
