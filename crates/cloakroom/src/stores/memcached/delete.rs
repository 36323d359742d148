//! Ending one session, if it still belongs to whom the caller means.

use cloakroom_store::{Delete, Deleted, Error, Owner};

use super::Memcached;
use super::item::{Changed, Item};

const DOING: &str = "end a session in";

impl Memcached {
    pub(super) async fn delete_item(&self, request: Delete) -> Result<Deleted, Error> {
        let item = self.item(&request.namespace, request.id, DOING);
        match request.owner {
            Owner::Any => Ok(match item.remove(None).await? {
                Changed::Done => Deleted::Ended,
                Changed::Missing | Changed::Refused => Deleted::Missing,
            }),
            owner => self.bounded(DOING, delete_of(&item, &owner)).await,
        }
    }
}

/// Removes exactly what was read, once it turned out to be the owner's.
async fn delete_of(item: &Item<'_>, owner: &Owner) -> Result<Deleted, Error> {
    loop {
        let Some(found) = item.read().await? else {
            return Ok(Deleted::Missing);
        };
        if !owner.allows(found.record.principal.as_ref()) {
            return Ok(Deleted::NotOwner);
        }
        match item.remove(Some(found.revision.value())).await? {
            Changed::Done => return Ok(Deleted::Ended),
            Changed::Missing => return Ok(Deleted::Missing),
            // Written to or touched since: whose it is now is looked at again.
            Changed::Refused => {}
        }
    }
}
