//! The smallest store that keeps the contract: one lock, one map, and the rules in plain functions.
//!
//! It is the contract read aloud, to compare a store with. It has no budget and no shards: to keep sessions
//! in memory use the library's own store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{
    Cap, Capabilities, Count, Cursor, Delete, Deleted, Entry, Error, ErrorKind, Expect, Id, List, Load,
    Namespace, Page, Principal, Query, Residence, Revision, Revoke, Revoked, Scope, Store, Stored, Sweep,
    Swept, Timestamp, Touch, Touched, Write, Written,
};

/// A store in a map.
pub(crate) struct Reference {
    /// Guards all there is: every verb happens under one lock, and so whole or not at all.
    rows: Mutex<Rows>,
}

/// What is kept.
#[derive(Default, Clone)]
pub(crate) struct Rows {
    pub(crate) kept: BTreeMap<Namespace, BTreeMap<Id, Stored>>,
    /// Minted last, for any record: so none ever has one twice, also when it is created again.
    pub(crate) minted: u64,
}

impl Default for Reference {
    fn default() -> Self {
        Self {
            rows: Mutex::new(Rows::default()),
        }
    }
}

impl Reference {
    /// The card: everything but to survive.
    pub(crate) const CARD: Capabilities =
        Capabilities::new("reference", Residence::Process).max_body(1 << 16);

    /// The rows, for a verb to happen in.
    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Reference {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        Ok(self.rows().load(&request))
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        if request.record.body.len() > Self::CARD.max_body {
            return Err(Error::new(ErrorKind::TooLarge, "the record is too large"));
        }
        Ok(self.rows().write(request))
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        Ok(self.rows().touch(&request))
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        Ok(self.rows().delete(&request))
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.rows().list(&request)
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        let rows = self.rows();
        Ok(rows.matching(&request.namespace, &request.query, None).count() as u64)
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        match (&request.scope, &request.after) {
            // It never gives one: what remains is found without.
            (Scope::Everyone { .. }, Some(_)) => Err(invalid_cursor()),
            _ => Ok(self.rows().revoke(&request)),
        }
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        Ok(self.rows().sweep(&request))
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        Self::CARD
    }
}

impl Rows {
    pub(crate) fn load(&self, request: &Load) -> Option<Stored> {
        self.kept.get(&request.namespace)?.get(&request.id).cloned()
    }

    pub(crate) fn write(&mut self, request: Write) -> Written {
        let sessions = self.sessions(&request.namespace);
        let there = sessions.get(&request.id);
        let expected = match (request.expect, there) {
            (Expect::Absent, None) => true,
            (Expect::Revision(seen), Some(stored)) => seen == stored.revision,
            (Expect::Absent, Some(_)) | (Expect::Revision(_), None) => false,
        };
        if !expected {
            return Written::Refused;
        }
        let before = there.and_then(|stored| stored.record.principal.as_ref());
        let ended = match &request.record.principal {
            Some(principal) if before != Some(principal) => {
                let others = oldest_first(sessions, principal, request.now);
                match request.cap {
                    Cap::Refuse(places) if others.len() >= places.get() as usize => return Written::AtCap,
                    Cap::EndOldest(places) => {
                        let excess = (others.len() + 1).saturating_sub(places.get() as usize);
                        others[..excess].to_vec()
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        sessions.retain(|id, _| !ended.contains(id));
        let revision = self.mint();
        let stored = Stored::new(revision, request.record);
        self.sessions(&request.namespace).insert(request.id, stored);
        Written::Applied { revision, ended }
    }

    pub(crate) fn touch(&mut self, request: &Touch) -> Touched {
        match self.sessions(&request.namespace).get_mut(&request.id) {
            Some(stored) if stored.revision == request.revision => {
                let record = &mut stored.record;
                record.last_seen = record.last_seen.max(request.last_seen);
                record.expires = record.expires.max(request.expires);
                Touched::Applied(stored.revision)
            }
            _ => Touched::Refused,
        }
    }

    pub(crate) fn delete(&mut self, request: &Delete) -> Deleted {
        let sessions = self.sessions(&request.namespace);
        match sessions.get(&request.id) {
            None => Deleted::Missing,
            Some(stored) if !request.owner.allows(stored.record.principal.as_ref()) => Deleted::NotOwner,
            Some(_) => {
                sessions.remove(&request.id);
                Deleted::Ended
            }
        }
    }

    pub(crate) fn list(&self, request: &List) -> Result<Page, Error> {
        let after = request.after.as_ref().map(position).transpose()?;
        let mut matching = self.matching(&request.namespace, &request.query, after);
        let entries: Vec<_> = matching.by_ref().take(request.limit.get()).collect();
        // The cursor is the id before, which need not be there any more.
        let last = matching.next().and(entries.last());
        let next = last.map(|entry| Cursor::new(*entry.id.as_bytes()));
        Ok(Page::new(entries, next))
    }

    pub(crate) fn revoke(&mut self, request: &Revoke) -> Revoked {
        let limit = request.limit.map_or(usize::MAX, |limit| limit.get());
        let (removed, more) = self.remove(&request.namespace, limit, |id, stored| match &request.scope {
            Scope::Principal { principal, keep } => {
                stored.record.principal.as_ref() == Some(principal) && Some(*id) != *keep
            }
            Scope::Everyone { begun_before } => stored.record.created < *begun_before,
            _ => false,
        });
        Revoked::new(removed, more)
    }

    pub(crate) fn sweep(&mut self, request: &Sweep) -> Swept {
        let (removed, more) = self.remove(&request.namespace, request.limit.get(), |_, stored| {
            stored.record.expires < request.expired_before
        });
        Swept::new(removed, more)
    }

    /// What a query finds, by id, after this one.
    pub(crate) fn matching(
        &self,
        namespace: &Namespace,
        query: &Query,
        after: Option<Id>,
    ) -> impl Iterator<Item = Entry> {
        let sessions = self.kept.get(namespace).into_iter().flatten();
        sessions
            .filter(move |(id, _)| after.is_none_or(|after| **id > after))
            .map(|(id, stored)| Entry::new(*id, stored.revision, &stored.record))
            .filter(|entry| query.matches(entry))
    }

    /// Removes at most so many, and says how many and whether more remain.
    pub(crate) fn remove(
        &mut self,
        namespace: &Namespace,
        limit: usize,
        doomed: impl Fn(&Id, &Stored) -> bool,
    ) -> (u64, bool) {
        let sessions = self.sessions(namespace);
        let ids: Vec<_> = sessions
            .iter()
            .filter(|(id, stored)| doomed(id, stored))
            .map(|(id, _)| *id)
            .collect();
        for id in ids.iter().take(limit) {
            sessions.remove(id);
        }
        (ids.len().min(limit) as u64, ids.len() > limit)
    }

    pub(crate) fn sessions(&mut self, namespace: &Namespace) -> &mut BTreeMap<Id, Stored> {
        self.kept.entry(namespace.clone()).or_default()
    }

    pub(crate) fn mint(&mut self) -> Revision {
        self.minted += 1;
        Revision::new(self.minted)
    }
}

/// A principal's sessions that live at a moment, the oldest first.
pub(crate) fn oldest_first(
    sessions: &BTreeMap<Id, Stored>,
    principal: &Principal,
    now: Timestamp,
) -> Vec<Id> {
    let mut live: Vec<_> = sessions
        .iter()
        .filter(|(_, stored)| stored.record.principal.as_ref() == Some(principal))
        .filter(|(_, stored)| stored.record.expires > now)
        .map(|(id, stored)| (stored.record.created, *id))
        .collect();
    live.sort();
    live.into_iter().map(|(_, id)| id).collect()
}

fn position(cursor: &Cursor) -> Result<Id, Error> {
    let bytes = cursor.as_bytes().try_into();
    bytes.map(Id::from_bytes).map_err(|_| invalid_cursor())
}

fn invalid_cursor() -> Error {
    Error::new(
        ErrorKind::InvalidCursor,
        "the cursor is not one of the reference store",
    )
}
