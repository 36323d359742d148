//! Listing and counting: slot by slot, or through the index, and only so many under each lock.

use cloakroom_store::{Count, Cursor, Entry, Error, ErrorKind, List, Page, Principal, Query};

use super::key::{Place, SHARDS};
use super::locks;
use super::shard::{Session, Shard};
use super::tables::Tables;

/// How many slots are looked at under one lock.
const SLOTS: u32 = 512;

/// How many slots are looked at for one page.
const SLOTS_PER_PAGE: u32 = 16 * SLOTS;

impl Tables {
    /// See [`Store::list`](cloakroom_store::Store::list).
    pub(super) fn list(&self, request: &List) -> Result<Page, Error> {
        match &request.query.principal {
            Some(principal) => self.list_of(request, principal),
            None => self.list_all(request),
        }
    }

    /// See [`Store::count`](cloakroom_store::Store::count).
    pub(super) fn count(&self, request: &Count) -> u64 {
        match &request.query.principal {
            Some(principal) => self.count_of(request, principal),
            None => self.count_all(request),
        }
    }

    /// Walks the slots. A session stays in its slot while it lives, so none is missed.
    fn list_all(&self, request: &List) -> Result<Page, Error> {
        let Place { mut shard, mut slot } = begin(request.after.as_ref(), Listing::All)?;
        let mut entries = Vec::new();
        let mut looked_at = 0;
        while shard < SHARDS && looked_at < SLOTS_PER_PAGE && entries.len() < request.limit.get() {
            let sessions = locks::lock(self.shard(shard));
            if slot > sessions.end() {
                return Err(invalid_cursor());
            }
            let mut next = slot.saturating_add(SLOTS);
            for (at, session) in sessions.sessions(&request.namespace, slot, SLOTS) {
                if entries.len() == request.limit.get() {
                    next = at;
                    break;
                }
                entries.extend(matching(&request.query, session));
            }
            looked_at += SLOTS;
            (shard, slot) = if next < sessions.end() {
                (shard, next)
            } else {
                (shard + 1, 0)
            };
        }
        let next = (shard < SHARDS).then(|| cursor(Listing::All, Place { shard, slot }));
        Ok(Page::new(entries, next))
    }

    fn list_of(&self, request: &List, principal: &Principal) -> Result<Page, Error> {
        let from = begin(request.after.as_ref(), Listing::Principal)?;
        let at_most = request.limit.get().min(SLOTS_PER_PAGE as usize);
        let who = self.index.who(&request.namespace, principal);
        let index = self.index.lock(&who);
        let mut places = index.places(&who, from, at_most + 1);
        let next = (places.len() > at_most).then(|| places.pop()).flatten();
        let entries = places
            .into_iter()
            .filter_map(|place| self.matching_at(&request.query, place))
            .collect();
        Ok(Page::new(
            entries,
            next.map(|place| cursor(Listing::Principal, place)),
        ))
    }

    fn count_all(&self, request: &Count) -> u64 {
        let mut filters = request.query.clone();
        let live_at = filters.live_at.take();
        if filters == Query::default() {
            let count = |shard| locks::lock::<Shard>(shard).count(&request.namespace, live_at) as u64;
            return self.shards.iter().map(count).sum();
        }
        let mut count = 0;
        for shard in &self.shards {
            let mut from = 0;
            loop {
                let shard = locks::lock(shard);
                count += shard
                    .sessions(&request.namespace, from, SLOTS)
                    .filter_map(|(_, session)| matching(&request.query, session))
                    .count() as u64;
                from = from.saturating_add(SLOTS);
                if from >= shard.end() {
                    break;
                }
            }
        }
        count
    }

    fn count_of(&self, request: &Count, principal: &Principal) -> u64 {
        let who = self.index.who(&request.namespace, principal);
        let index = self.index.lock(&who);
        let places = index.places(&who, Place::FIRST, usize::MAX);
        places
            .into_iter()
            .filter_map(|place| self.matching_at(&request.query, place))
            .count() as u64
    }

    /// The metadata of the session in a place, if it matches. Called while its principal is locked.
    fn matching_at(&self, query: &Query, place: Place) -> Option<Entry> {
        let shard = locks::lock(self.shard(place.shard));
        matching(query, shard.session(place.slot))
    }
}

fn matching(query: &Query, session: &Session) -> Option<Entry> {
    let entry = Entry::new(session.id, session.revision, &session.record);
    query.matches(&entry).then_some(entry)
}

/// What a cursor goes on with: one of a listing does not fit another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    All = 1,
    Principal = 2,
}

fn cursor(listing: Listing, place: Place) -> Cursor {
    let [a, b, c, d] = place.slot.to_be_bytes();
    Cursor::new([listing as u8, place.shard, a, b, c, d])
}

fn begin(after: Option<&Cursor>, listing: Listing) -> Result<Place, Error> {
    match after.map(Cursor::as_bytes) {
        None => Ok(Place::FIRST),
        Some(&[kind, shard, a, b, c, d]) if kind == listing as u8 && shard < SHARDS => Ok(Place {
            shard,
            slot: u32::from_be_bytes([a, b, c, d]),
        }),
        Some(_) => Err(invalid_cursor()),
    }
}

fn invalid_cursor() -> Error {
    Error::new(
        ErrorKind::InvalidCursor,
        "the cursor is not one that this listing gave: begin again without one",
    )
}
