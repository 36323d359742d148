//! `keys add`: a key on its way to all nodes.

use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, ServerKey};

pub(super) fn run(file: &KeyFile, now: Timestamp) -> anyhow::Result<String> {
    let key = ServerKey::generate()?;
    let id = file.change(|keys| keys.add(key, now))?;
    let path = file.path().display();
    Ok(format!(
        "\
Added key {id}, which is pending: nodes open with it, and seal with the one before.

Next: wait until every node has it. Nodes that watch {path} have it within a second; copies go to the others first.
Then: cloakroom keys activate {id} --file {path}
"
    ))
}
