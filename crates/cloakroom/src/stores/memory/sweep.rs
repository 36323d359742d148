//! Removing what has expired: it costs as much as there is to remove.

use cloakroom_store::{Sweep, Swept};

use super::batches::Found;
use super::shard::{Session, Shard};
use super::tables::Tables;

impl Tables {
    /// See [`Store::sweep`](cloakroom_store::Store::sweep).
    pub(super) fn sweep(&self, request: &Sweep) -> Swept {
        let before = request.expired_before;
        let find = |shard: &Shard, _: u32, at_most: usize| {
            let slots: Vec<u32> = shard.expired(&request.namespace, before).take(at_most).collect();
            // What was found is gone when it is looked on, so that is from the beginning again.
            let next = (slots.len() == at_most).then_some(0);
            Found { slots, next }
        };
        let expired = |session: &Session| session.record.expires < before;
        let limit = Some(request.limit);
        let (removed, more) = self.end_found(&request.namespace, &self.sweep_from, limit, find, expired);
        Swept::new(removed, more)
    }
}
