//! Opens a store by its URL.

use cloakroom::store::{AnyStore, Error};
use cloakroom::stores;

pub async fn open(url: &str) -> Result<AnyStore, Error> {
    match url.split_once(':') {
        Some(("sqlite", path)) => Ok(AnyStore::new(stores::Sqlite::open(path).await?)),
        _ => stores::open(url).await,
    }
}
