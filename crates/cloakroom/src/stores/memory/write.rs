//! The one conditional write: what is expected, the room, the index and the cap are decided in one step.

use cloakroom_store::{Cap, Error, ErrorKind, Id, Principal, Record, Revision, Timestamp, Write, Written};

use super::Memory;
use super::key::{Key, Place};
use super::limit::Cost;
use super::locks::{self, Locked};
use super::order;
use super::shard::{Session, Shard};
use super::tables::Tables;

impl Tables {
    /// See [`Store::write`](cloakroom_store::Store::write).
    pub(super) fn write(&self, request: Write) -> Result<Written, Error> {
        if request.record.body.len() > Memory::MAX_BODY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the session is larger than the memory store takes: keep less in it",
            ));
        }
        let key = Key::new(&request.namespace, request.id);
        let mut turn = None;
        loop {
            let mut shard = locks::lock(self.shard(key.shard()));
            let found = shard.find(&key);
            if !shard.is_as_expected(found, request.expect) {
                return Ok(Written::Refused);
            }
            let there = found.map(|slot| &shard.session(slot).record);
            let principal = there.and_then(|record| record.principal.as_ref());
            if principal != request.record.principal.as_ref() {
                let before = principal.cloned();
                drop((shard, turn)); // the index is locked before either
                return self.write_indexed(request, before.as_ref());
            }
            let old = there.map(Cost::of).unwrap_or_default();
            let new = Cost::of(&request.record);
            if self.ledger.exchange(old, new) {
                let revision = self.mint();
                let (_, replaced) = self.put(&mut shard, found, &key, revision, request.record);
                drop(shard); // before what was replaced is freed
                drop(replaced);
                return Ok(applied(revision, Vec::new()));
            }
            drop(shard);
            self.make_room(&mut turn, &key, old, new)?;
        }
    }

    /// Writes a record of another principal than `before`, who was seen there: a sign-in, mostly.
    ///
    /// Who was there needs no second look: the principal never changes without the revision.
    fn write_indexed(&self, request: Write, before: Option<&Principal>) -> Result<Written, Error> {
        let key = Key::new(&request.namespace, request.id);
        let mut record = request.record;
        let after = record.principal.clone();
        let before = before.map(|principal| self.index.who(key.namespace, principal));
        let after = after
            .as_ref()
            .map(|principal| self.index.who(key.namespace, principal));
        let mut index = self.index.lock_all(before.iter().chain(&after));
        let theirs = match (&after, request.cap) {
            (None, _) | (_, Cap::None) => Vec::new(),
            (Some(who), _) => index.shard(who.shard).places(who, Place::FIRST, usize::MAX),
        };

        let mut turn = None;
        loop {
            let shards = theirs.iter().map(|place| place.shard).chain([key.shard()]);
            let mut shards = Locked::new(&self.shards, shards);
            let shard = shards.shard(key.shard());
            let found = shard.find(&key);
            if !shard.is_as_expected(found, request.expect) {
                return Ok(Written::Refused);
            }
            let old = found.map(|slot| Cost::of(&shard.session(slot).record));
            let Some(ending) = judge(request.cap, &theirs, &mut shards, request.now)? else {
                return Ok(Written::AtCap);
            };
            let ending_cost = |place: &Place| Cost::of(&session(&mut shards, *place).record);
            let old = ending
                .iter()
                .map(ending_cost)
                .fold(old.unwrap_or_default(), Cost::and);
            let new = Cost::of(&record);
            if !self.ledger.exchange(old, new) {
                drop(shards);
                self.make_room(&mut turn, &key, old, new)?;
                continue;
            }

            let revision = self.mint();
            if let Some(who) = &after
                && let Some(shared) = index.shard(who.shard).shared(who)
            {
                record.principal = Some(shared);
            }
            let ended: Vec<Session> = ending
                .iter()
                .map(|place| shards.shard(place.shard).remove(place.slot))
                .collect();
            let shard = shards.shard(key.shard());
            let (slot, replaced) = self.put(shard, found, &key, revision, record);
            let place = Place {
                shard: key.shard(),
                slot,
            };
            if let Some(who) = &before {
                index.shard(who.shard).remove(who, place);
            }
            if let Some(who) = &after {
                let index = index.shard(who.shard);
                ending.iter().for_each(|place| index.remove(who, *place));
                index.add(who, place);
            }
            drop((shards, index)); // before what was replaced is freed
            drop(replaced);
            return Ok(applied(
                revision,
                ended.iter().map(|session| session.id).collect(),
            ));
        }
    }

    /// Puts a record that there is room for, and tells who may have to make room of it later.
    fn put(
        &self,
        shard: &mut Shard,
        found: Option<u32>,
        key: &Key<'_>,
        revision: Revision,
        record: Record,
    ) -> (u32, Option<Record>) {
        if record.principal.is_none() {
            self.nearest.put(key.shard(), order::second(record.expires));
        }
        shard.put(found, key, revision, record)
    }
}

/// Which of a principal's sessions end so that one more may begin; `None` when it may not.
fn judge(
    cap: Cap,
    theirs: &[Place],
    shards: &mut Locked<'_, Shard>,
    now: Timestamp,
) -> Result<Option<Vec<Place>>, Error> {
    let live = |place: &Place| {
        let record = &session(shards, *place).record;
        (record.expires > now).then_some((record.created, *place))
    };
    let mut live: Vec<(Timestamp, Place)> = theirs.iter().filter_map(live).collect();
    match cap {
        Cap::None => Ok(Some(Vec::new())),
        Cap::Refuse(most) => Ok((live.len() < most.get() as usize).then(Vec::new)),
        Cap::EndOldest(most) => {
            live.sort_unstable();
            live.truncate((live.len() + 1).saturating_sub(most.get() as usize));
            Ok(Some(live.into_iter().map(|(_, place)| place).collect()))
        }
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "the memory store does not know this kind of cap: use one release of all crates",
        )),
    }
}

fn session<'a>(shards: &'a mut Locked<'_, Shard>, place: Place) -> &'a Session {
    shards.shard(place.shard).session(place.slot)
}

fn applied(revision: Revision, ended: Vec<Id>) -> Written {
    Written::Applied { revision, ended }
}
