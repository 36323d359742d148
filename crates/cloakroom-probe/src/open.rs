//! Opens a store by its URL.

use anyhow::bail;
use cloakroom::store::AnyStore;
use cloakroom::stores::Memory;

/// Opens the store that a URL names.
pub(crate) fn open(url: &str) -> anyhow::Result<AnyStore> {
    match url {
        "memory:" => Ok(AnyStore::new(Memory::default())),
        _ => bail!("the known stores are memory:"),
    }
}
