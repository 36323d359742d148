//! Ending all sessions of a principal, or everyone's.

use std::num::NonZeroUsize;

use cloakroom_store::{Error, ErrorKind, Id, Namespace, Principal, Revoke, Revoked, Scope, Timestamp};

use super::key::Place;
use super::limit::Cost;
use super::locks;
use super::shard::{Found, Session, Shard};
use super::tables::Tables;

/// How many slots are looked at under one lock.
const SLOTS: u32 = 1024;

impl Tables {
    /// See [`Store::revoke`](cloakroom_store::Store::revoke).
    pub(super) fn revoke(&self, request: &Revoke) -> Result<Revoked, Error> {
        let Revoke { namespace, limit, .. } = request;
        match &request.scope {
            Scope::Principal { principal, keep } => {
                Ok(self.revoke_principal(namespace, principal, *keep, *limit))
            }
            Scope::Everyone { .. } if request.after.is_some() => Err(Error::new(
                ErrorKind::InvalidCursor,
                "the memory store gives no cursors: call again without one",
            )),
            Scope::Everyone { begun_before } => Ok(self.revoke_everyone(namespace, *begun_before, *limit)),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "the memory store does not know this scope: use one release of all crates",
            )),
        }
    }

    /// Ends them while the index is locked, so that a sign-in comes wholly before it or wholly after.
    fn revoke_principal(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        keep: Option<Id>,
        limit: Option<NonZeroUsize>,
    ) -> Revoked {
        let who = self.index.who(namespace, principal);
        let at_most = limit.map_or(usize::MAX, NonZeroUsize::get);
        let mut ended = Vec::new();
        let mut more = false;
        let mut index = self.index.lock(&who);
        // One more than may end, for the one that stays, and one more to see whether any remain.
        for place in index.places(&who, Place::FIRST, at_most.saturating_add(2)) {
            let mut shard = locks::lock(self.shard(place.shard));
            if Some(shard.session(place.slot).id) == keep {
                continue;
            }
            if ended.len() == at_most {
                more = true;
                break;
            }
            ended.push(shard.remove(place.slot));
            drop(shard);
            index.remove(&who, place);
        }
        drop(index); // before the sessions are freed
        for session in &ended {
            self.ledger.release(Cost::of(&session.record));
        }
        Revoked::new(ended.len() as u64, more)
    }

    fn revoke_everyone(
        &self,
        namespace: &Namespace,
        begun_before: Timestamp,
        limit: Option<NonZeroUsize>,
    ) -> Revoked {
        let begun = |session: &Session| session.record.created < begun_before;
        let find = |shard: &mut Shard, from: u32, at_most: usize| {
            let found = shard
                .sessions(namespace, from, SLOTS)
                .filter(|(_, session)| begun(session));
            let slots: Vec<u32> = found.map(|(slot, _)| slot).take(at_most).collect();
            let looked_at = match slots.last() {
                Some(last) if slots.len() == at_most => last + 1,
                _ => from.saturating_add(SLOTS),
            };
            let next = (looked_at < shard.end()).then_some(looked_at);
            Found { slots, next }
        };
        let at_most = limit.map_or(usize::MAX, NonZeroUsize::get);
        let (ended, more) = self.end_found(namespace, &self.revoke_from, at_most, find, begun);
        Revoked::new(ended, more)
    }
}
