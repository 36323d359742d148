//! One part of the sessions: each in a slot, found by id, and by when it may expire.

use std::mem;

use cloakroom_store::{Expect, Id, Namespace, Record, Revision, Timestamp};
use hashbrown::HashTable;

use super::key::{self, Key};
use super::namespaces::Namespaces;
use super::order::{self, Due, Half, Order};
use super::slab::Slab;

/// One part of the sessions. Kept apart from its neighbours in memory, as each has its own lock.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Shard {
    sessions: Slab<Session>,
    /// The slots, by id. Four bytes a bucket: a table of whole sessions would waste hundreds on each.
    by_id: HashTable<u32>,
    namespaces: Namespaces,
    /// By the number of the namespace.
    orders: Vec<Order>,
}

/// A session, as it is kept.
pub(super) struct Session {
    pub(super) id: Id,
    namespace: u32,
    /// The second it is filed under in the order: never later than it expires.
    filed: u32,
    pub(super) revision: Revision,
    pub(super) record: Record,
}

// A million of them are kept: know what a field costs before adding one.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Session>() == 104);

/// The sessions that one look into a shard found.
#[derive(Default)]
pub(super) struct Found {
    /// Their slots.
    pub(super) slots: Vec<u32>,
    /// From where to look on; `None` when nothing is left to be looked at.
    pub(super) next: Option<u32>,
}

/// How many sessions are looked at in the order of expiry under one lock.
const LOOKS: usize = 256;

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
        self.orders[session.namespace as usize].remove(session.half(), session.due(slot));
        let hash = key::hash(session.id);
        if let Ok(bucket) = self.by_id.find_entry(hash, |&other| other == slot) {
            bucket.remove();
        }
        session
    }

    /// Moves last seen and the expiry forward, never back.
    pub(super) fn touch(&mut self, slot: u32, last_seen: Timestamp, expires: Timestamp) {
        let record = &mut self.sessions[slot].record;
        record.last_seen = record.last_seen.max(last_seen);
        record.expires = record.expires.max(expires);
    }

    /// Looks at some sessions that may have expired before a moment, from a slot of the last second on, and
    /// finds at most so many that have. Files again what has moved on.
    pub(super) fn expired(
        &mut self,
        namespace: &Namespace,
        half: Half,
        before: Timestamp,
        from: u32,
        at_most: usize,
    ) -> Found {
        let mut found = Found::default();
        let Some(namespace) = self.namespaces.find(namespace) else {
            return found;
        };
        let last = order::second(before);
        let order = &self.orders[namespace as usize];
        let due: Vec<Due> = order.until(half, last, from).take(LOOKS).collect();
        let mut more = due.len() == LOOKS;
        let mut from = from;
        for due in due {
            if found.slots.len() == at_most {
                more = true;
                break;
            }
            if due.second() == last {
                from = due.slot().saturating_add(1);
            }
            if self.session(due.slot()).record.expires < before {
                found.slots.push(due.slot());
            } else {
                self.file(due.slot());
            }
        }
        found.next = more.then_some(from);
        found
    }

    /// The anonymous session that expires first, but for one: when, to the second, and its slot.
    ///
    /// Files again what has moved on, but only so many: it may miss the first for that, never all.
    pub(super) fn first_anonymous(&mut self, but: Option<u32>) -> Option<(u32, u32)> {
        let mut first = self.filed_first(but);
        for _ in 0..LOOKS {
            let due = first?;
            if !self.file(due.slot()) {
                break;
            }
            first = self.filed_first(but);
        }
        first.map(|due| (due.second(), due.slot()))
    }

    /// How many sessions of a namespace there are, or live at a moment. Costs what has expired then.
    pub(super) fn count(&self, namespace: &Namespace, live_at: Option<Timestamp>) -> usize {
        let Some(namespace) = self.namespaces.find(namespace) else {
            return 0;
        };
        let order = &self.orders[namespace as usize];
        let Some(moment) = live_at else {
            return order.len();
        };
        let due = |half| order.until(half, order::second(moment), 0);
        let due = due(Half::Anonymous).chain(due(Half::SignedIn));
        let expired = due.filter(|due| self.session(due.slot()).record.expires <= moment);
        order.len() - expired.count()
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

    fn insert(&mut self, key: &Key<'_>, revision: Revision, record: Record) -> u32 {
        let namespace = self.namespaces.number(key.namespace);
        let session = Session {
            id: key.id,
            namespace,
            filed: order::second(record.expires),
            revision,
            record,
        };
        let (half, due) = (session.half(), session.due(0));
        let slot = self.sessions.insert(session);
        if self.orders.len() <= namespace as usize {
            self.orders.push(Order::default());
        }
        self.orders[namespace as usize].insert(half, Due::new(due.second(), slot));
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
        let (half, due) = (session.half(), session.due(slot));
        session.revision = revision;
        let replaced = mem::replace(&mut session.record, record);
        let second = order::second(session.record.expires);
        if session.half() != half || second < session.filed {
            session.filed = second;
            let order = &mut self.orders[session.namespace as usize];
            order.remove(half, due);
            order.insert(session.half(), Due::new(second, slot));
        }
        replaced
    }

    /// Files a session under the second it expires in, and answers whether it was filed earlier.
    fn file(&mut self, slot: u32) -> bool {
        let session = &mut self.sessions[slot];
        let (before, second) = (session.due(slot), order::second(session.record.expires));
        let moved = second != session.filed;
        if moved {
            session.filed = second;
            let order = &mut self.orders[session.namespace as usize];
            order.remove(session.half(), before);
            order.insert(session.half(), Due::new(second, slot));
        }
        moved
    }

    /// The anonymous session that is filed first in any namespace, but for one slot.
    fn filed_first(&self, but: Option<u32>) -> Option<Due> {
        let anonymous = |order: &Order| order.anonymous().find(|due| Some(due.slot()) != but);
        self.orders.iter().filter_map(anonymous).min()
    }
}

impl Session {
    fn half(&self) -> Half {
        Half::of(self.record.principal.as_ref())
    }

    fn due(&self, slot: u32) -> Due {
        Due::new(self.filed, slot)
    }
}
