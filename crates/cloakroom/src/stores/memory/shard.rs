//! One part of the sessions: each in a slot, found by id.

use std::mem;

use cloakroom_store::{Expect, Id, Namespace, Record, Revision, Timestamp};
use hashbrown::HashTable;

use super::key::{self, Key};
use super::namespaces::Namespaces;
use super::order::{Due, Order};
use super::slab::Slab;

/// One part of the sessions. Kept apart from its neighbours in memory, as each has its own lock.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Shard {
    sessions: Slab<Session>,
    /// The slots, by id. Four bytes a bucket: a table of whole sessions would waste hundreds on each.
    by_id: HashTable<u32>,
    order: Order,
    namespaces: Namespaces,
}

/// A session, as it is kept.
pub(super) struct Session {
    pub(super) id: Id,
    namespace: u32,
    pub(super) revision: Revision,
    pub(super) record: Record,
}

// A million of them are kept: know what a field costs before adding one.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Session>() == 104);

impl Shard {
    /// Puts a record where the session was found, or into a slot of its own; answers where, and what it
    /// replaced.
    pub(super) fn put(
        &mut self,
        found: Option<u32>,
        key: &Key<'_>,
        revision: Revision,
        record: Record,
    ) -> (u32, Option<Record>) {
        match found {
            Some(slot) => (slot, Some(self.replace(slot, revision, record))),
            None => (self.insert(key, revision, record), None),
        }
    }

    /// Takes out the session in a slot.
    pub(super) fn remove(&mut self, slot: u32) -> Session {
        let session = self.sessions.remove(slot);
        self.order
            .remove(session.record.principal.as_ref(), session.due(slot));
        let bucket = self
            .by_id
            .find_entry(key::hash(session.id), |&other| other == slot);
        if let Ok(bucket) = bucket {
            bucket.remove();
        }
        session
    }

    /// Moves last seen and the expiry forward, never back.
    pub(super) fn touch(&mut self, slot: u32, last_seen: Timestamp, expires: Timestamp) {
        let session = &mut self.sessions[slot];
        let record = &mut session.record;
        record.last_seen = record.last_seen.max(last_seen);
        if expires > record.expires {
            let before = session.due(slot);
            session.record.expires = expires;
            let principal = session.record.principal.as_ref();
            self.order.remove(principal, before);
            self.order.insert(principal, Due { expires, ..before });
        }
    }

    /// The slot of a session.
    pub(super) fn find(&self, key: &Key<'_>) -> Option<u32> {
        let namespace = self.namespaces.find(key.namespace)?;
        let same = |&slot: &u32| {
            let session = &self.sessions[slot];
            session.id == key.id && session.namespace == namespace
        };
        self.by_id.find(key.hash, same).copied()
    }

    /// The session in a slot that was found.
    pub(super) fn session(&self, slot: u32) -> &Session {
        &self.sessions[slot]
    }

    /// The session in a slot, if there still is one and it is of this namespace.
    pub(super) fn session_of(&self, namespace: &Namespace, slot: u32) -> Option<&Session> {
        let namespace = self.namespaces.find(namespace)?;
        let session = self.sessions.get(slot)?;
        (session.namespace == namespace).then_some(session)
    }

    /// Whether what was found is what a write expects.
    pub(super) fn is_as_expected(&self, found: Option<u32>, expect: Expect) -> bool {
        match (expect, found) {
            (Expect::Absent, None) => true,
            (Expect::Revision(seen), Some(slot)) => self.sessions[slot].revision == seen,
            (Expect::Absent, Some(_)) | (Expect::Revision(_), None) => false,
        }
    }

    /// The sessions of a namespace in so many slots from this one on.
    pub(super) fn sessions(
        &self,
        namespace: &Namespace,
        from: u32,
        slots: u32,
    ) -> impl Iterator<Item = (u32, &Session)> {
        let namespace = self.namespaces.find(namespace);
        let end = from.saturating_add(slots).min(self.end());
        (from..end).filter_map(move |slot| {
            let session = self.sessions.get(slot)?;
            (Some(session.namespace) == namespace).then_some((slot, session))
        })
    }

    /// All slots are below this one.
    pub(super) fn end(&self) -> u32 {
        self.sessions.end()
    }

    /// The slots of sessions that expired before a moment: first those of nobody, the first to expire first.
    pub(super) fn expired(&self, namespace: &Namespace, before: Timestamp) -> impl Iterator<Item = u32> {
        let namespace = self.namespaces.find(namespace);
        namespace
            .into_iter()
            .flat_map(move |namespace| self.order.due(namespace, before))
    }

    /// The anonymous session that expires first, but for one: when, and its slot.
    pub(super) fn nearest_anonymous(&self, but: &Key<'_>) -> Option<(Timestamp, u32)> {
        let but = self.find(but);
        self.namespaces
            .numbers()
            .filter_map(|namespace| self.order.nearest_anonymous(namespace, but))
            .map(|due| (due.expires, due.slot))
            .min()
    }

    fn insert(&mut self, key: &Key<'_>, revision: Revision, record: Record) -> u32 {
        let namespace = self.namespaces.number(key.namespace);
        let slot = self.sessions.insert(Session {
            id: key.id,
            namespace,
            revision,
            record,
        });
        let session = &self.sessions[slot];
        self.order
            .insert(session.record.principal.as_ref(), session.due(slot));
        let rehash = |&slot: &u32| key::hash(self.sessions[slot].id);
        self.by_id.insert_unique(key.hash, slot, rehash);
        slot
    }

    fn replace(&mut self, slot: u32, revision: Revision, mut record: Record) -> Record {
        let session = &mut self.sessions[slot];
        if session.record.principal == record.principal {
            // The same text: keep the one that the index shares.
            mem::swap(&mut session.record.principal, &mut record.principal);
        }
        let before = session.due(slot);
        session.revision = revision;
        let replaced = mem::replace(&mut session.record, record);
        let (old, new) = (replaced.principal.as_ref(), session.record.principal.as_ref());
        if replaced.expires != session.record.expires || old.is_some() != new.is_some() {
            let after = session.due(slot);
            self.order.remove(old, before);
            self.order.insert(new, after);
        }
        replaced
    }
}

impl Session {
    fn due(&self, slot: u32) -> Due {
        Due {
            namespace: self.namespace,
            expires: self.record.expires,
            slot,
        }
    }
}
