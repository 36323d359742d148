//! Opens a store by its URL.

use cloakroom::store::{AnyStore, Error};
use cloakroom::stores;

pub async fn open(url: &str) -> Result<AnyStore, Error> {
    match url.split(':').next() {
        Some("memcache") => Ok(AnyStore::new(stores::Memcached::connect(url).await?)),
        Some("mysql") => Ok(AnyStore::new(stores::Mysql::connect(url).await?)),
        _ => stores::open(url).await,
    }
}
