//! All that a memory store holds, and the verbs that need nothing but one session.

use std::iter;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use cloakroom_store::{Load, Revision, Stored, Touch, Touched};

use super::Memory;
use super::counters::Tally;
use super::index::Index;
use super::key::{Key, SHARDS};
use super::limit::{Ledger, Limit};
use super::locks;
use super::marks::Book;
use super::nearest::Nearest;
use super::shard::Shard;

/// All that a memory store holds. See [`locks`] for the order in which to take what locks.
pub(super) struct Tables {
    /// The sessions, by id.
    pub(super) shards: Box<[Mutex<Shard>]>,
    /// The sessions of each principal.
    pub(super) index: Index,
    /// How much is kept, and how much may be.
    pub(super) ledger: Ledger,
    /// Where to look for the anonymous session to drop first.
    pub(super) nearest: Nearest,
    /// Guards nothing but the turn to drop sessions and take their room.
    pub(super) evicting: Mutex<()>,
    /// Where the next sweep begins.
    pub(super) sweep_from: AtomicU8,
    /// Where the next revocation of everyone's sessions begins.
    pub(super) revoke_from: AtomicU8,
    /// The last revision that was given to any session: so none ever has one twice.
    revisions: AtomicU64,
    /// Beside the sessions: what ends those that no store keeps.
    pub(super) marks: Book,
    /// How often something was tried.
    pub(super) counters: Tally,
}

impl Tables {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            shards: iter::repeat_with(Mutex::default)
                .take(usize::from(SHARDS))
                .collect(),
            index: Index::new(),
            ledger: Ledger::new(limit),
            nearest: Nearest::default(),
            evicting: Mutex::new(()),
            sweep_from: AtomicU8::new(0),
            revoke_from: AtomicU8::new(0),
            revisions: AtomicU64::new(0),
            marks: Book::default(),
            counters: Tally::new(Memory::MAX_COUNTERS),
        }
    }

    /// See [`Store::load`](cloakroom_store::Store::load).
    pub(super) fn load(&self, request: &Load) -> Option<Stored> {
        let key = Key::new(&request.namespace, request.id);
        let shard = locks::lock(self.shard(key.shard()));
        let session = shard.session(shard.find(&key)?);
        Some(Stored::new(session.revision, session.record.clone()))
    }

    /// See [`Store::touch`](cloakroom_store::Store::touch).
    pub(super) fn touch(&self, request: &Touch) -> Touched {
        let key = Key::new(&request.namespace, request.id);
        let mut shard = locks::lock(self.shard(key.shard()));
        match shard.find(&key) {
            Some(slot) if shard.session(slot).revision == request.revision => {
                shard.touch(slot, request.last_seen, request.expires);
                Touched::Applied(request.revision)
            }
            Some(_) | None => Touched::Refused,
        }
    }

    /// One part of the sessions.
    pub(super) fn shard(&self, number: u8) -> &Mutex<Shard> {
        &self.shards[usize::from(number)]
    }

    /// A revision that no session ever had.
    pub(super) fn mint(&self) -> Revision {
        Revision::new(self.revisions.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
