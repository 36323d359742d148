//! Removes sessions from a store that may need several tries: what has ended ends no further, so it may be asked again.

use cloakroom_store::{Delete, Deleted, Revoke, Store as _};

use crate::bounded::{Patience, bounded};
use crate::config::Config;
use crate::{Error, events};

/// What is done, in messages.
const END_ALL: &str = "end the sessions of a principal";

/// Ends a session. One that is missing after an answer was lost counts as ended by this.
pub(crate) async fn delete(
    config: &Config,
    delete: Delete,
    patience: &mut Patience,
) -> Result<Deleted, Error> {
    let mut is_in_doubt = false;
    loop {
        let deleted = bounded(config.store_timeout, config.store.delete(delete.clone())).await;
        match deleted {
            Ok(Deleted::Missing) if is_in_doubt => return Ok(Deleted::Ended),
            Ok(deleted) => return Ok(deleted),
            Err(error) => {
                events::retrying(delete.id, &error);
                patience.outlast(&config.random, "end session", error).await?;
            }
        }
        is_in_doubt = true;
    }
}

/// Ends the sessions of a principal; says how many that were, those aside whose number was lost with an answer.
pub(crate) async fn revoke(config: &Config, revoke: Revoke, patience: &mut Patience) -> Result<u64, Error> {
    loop {
        let revoked = bounded(config.store_timeout, config.store.revoke(revoke.clone())).await;
        match revoked {
            Ok(revoked) => return Ok(revoked.ended),
            Err(error) => {
                events::retrying_all(&error);
                patience.outlast(&config.random, END_ALL, error).await?;
            }
        }
    }
}
