//! Opens a store by its URL.

use cloakroom::store::{AnyStore, Error};
use cloakroom::stores;

pub async fn open(url: &str) -> Result<AnyStore, Error> {
    match url.split(':').next() {
        Some("postgres") => Ok(AnyStore::new(stores::Postgres::connect(url).await?)),
        _ => stores::open(url).await,
    }
}
