//! `keys list`: which keys there are, in what state and since when.

use std::fmt::Write as _;

use cloakroom::KeyFile;

pub(super) fn run(file: &KeyFile) -> anyhow::Result<String> {
    let mut text = String::new();
    writeln!(text, "{:<16}  {:<11}  {:<20}  since", "id", "state", "created")?;
    for key in file.read()?.iter() {
        let (id, state, created, since) = (key.id, key.state, key.created, key.since);
        writeln!(text, "{id}  {state:<11}  {created}  {since}")?;
    }
    Ok(text)
}
