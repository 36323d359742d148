//! Removing what has expired: it costs as much as there is to remove.

use cloakroom_store::{Sweep, Swept};

use super::order::Half;
use super::shard::{Session, Shard};
use super::tables::Tables;

impl Tables {
    /// See [`Store::sweep`](cloakroom_store::Store::sweep).
    pub(super) fn sweep(&self, request: &Sweep) -> Swept {
        let limit = request.limit.get();
        let (mut removed, mut more) = self.sweep_half(request, Half::Anonymous, limit);
        if !more {
            let left = limit - removed as usize;
            let (others, remain) = self.sweep_half(request, Half::SignedIn, left);
            (removed, more) = (removed + others, remain);
        }
        Swept::new(removed, more)
    }

    fn sweep_half(&self, request: &Sweep, half: Half, at_most: usize) -> (u64, bool) {
        let (namespace, before) = (&request.namespace, request.expired_before);
        let find = |shard: &mut Shard, from, at_most| shard.expired(namespace, half, before, from, at_most);
        let expired = |session: &Session| session.record.expires < before;
        self.end_found(namespace, &self.sweep_from, at_most, find, expired)
    }
}
