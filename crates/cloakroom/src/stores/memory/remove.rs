//! Ending one session, in the index as well.

use cloakroom_store::{Delete, Deleted, Namespace, Principal};

use super::key::{Key, Place};
use super::limit::Cost;
use super::locks;
use super::shard::Session;
use super::tables::Tables;

impl Tables {
    /// See [`Store::delete`](cloakroom_store::Store::delete).
    pub(super) fn delete(&self, request: &Delete) -> Deleted {
        let key = Key::new(&request.namespace, request.id);
        loop {
            let mut shard = locks::lock(self.shard(key.shard()));
            let Some(slot) = shard.find(&key) else {
                return Deleted::Missing;
            };
            let principal = shard.session(slot).record.principal.as_ref();
            if !request.owner.allows(principal) {
                return Deleted::NotOwner;
            }
            let Some(principal) = principal.cloned() else {
                let ended = shard.remove(slot);
                drop(shard);
                self.ledger.release(Cost::of(&ended.record));
                return Deleted::Ended;
            };
            drop(shard);
            let place = Place {
                shard: key.shard(),
                slot,
            };
            if self.end_of(key.namespace, &principal, place, |session| session.id == key.id) {
                return Deleted::Ended;
            }
            // It ended, or changed its principal, between the two looks at it: look again.
        }
    }

    /// Ends the session in a place, if it still is this principal's and what the caller means.
    ///
    /// Called without a lock, as the index must be locked first.
    pub(super) fn end_of(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        place: Place,
        meant: impl FnOnce(&Session) -> bool,
    ) -> bool {
        let who = self.index.who(namespace, principal);
        let mut index = self.index.lock(&who);
        let mut shard = locks::lock(self.shard(place.shard));
        let still = shard
            .session_of(namespace, place.slot)
            .is_some_and(|session| session.record.principal.as_ref() == Some(principal) && meant(session));
        if still {
            let ended = shard.remove(place.slot);
            drop(shard);
            index.remove(&who, place);
            drop(index); // before the session is freed
            self.ledger.release(Cost::of(&ended.record));
        }
        still
    }
}
