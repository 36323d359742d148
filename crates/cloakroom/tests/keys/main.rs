//! Files of keys: who may have one, how they change, and how that reaches a ring that is in use.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod changing;
mod guarding;
#[path = "../events/log.rs"]
#[allow(dead_code, reason = "the walk through all events uses more of it")]
mod log;
mod printed;
mod telling;
mod watching;

use std::path::Path;

use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, Keys, ServerKey};

/// A file with one key in it.
fn new_file(directory: &Path) -> KeyFile {
    let file = KeyFile::new(directory.join("keys"));
    file.create(&new_keys()).unwrap();
    file
}

fn new_keys() -> Keys {
    Keys::new(ServerKey::generate().unwrap(), now())
}

fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_795_632_000_000)
}
