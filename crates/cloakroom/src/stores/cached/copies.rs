//! All copies: in parts with a lock each, and all of them dropped at once where the feed says so.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_store::{Freshness, Id, Namespace, Stored};
use tokio::time::Instant;

use super::Stats;
use super::change::{Touched, Whose};
use super::kept::Key;
use super::shard::Shard;

/// The copies of records, young enough and not too many.
#[derive(Debug)]
pub(super) struct Copies {
    shards: Box<[Padded]>,
    keyed: RandomState,
    /// Whether copies may be made: not while a feed is cut. Changed before the shards are emptied, and read under
    /// their locks, so that none is made in one that was emptied.
    keeps: AtomicBool,
}

/// A shard with its lock, kept apart from its neighbours in memory.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(Mutex<Shard>);

/// What a call takes along to the store: it says afterwards whether its answer may be kept.
#[derive(Debug)]
pub(super) struct Ticket {
    /// When the store was asked: an answer is as old as its question.
    pub(super) begun: Instant,
    /// How many changes there had been among the copies that this one would be kept with. After another one, the answer
    /// may be from before it, and is not kept.
    pub(super) changes: u64,
    /// Its number among the calls: a later one has seen no less.
    pub(super) number: u64,
}

const SHARDS: usize = 64;

impl Copies {
    pub(super) fn new(staleness: Duration, bytes: usize) -> Self {
        let shard = |_| Padded(Mutex::new(Shard::new(bytes / SHARDS, staleness)));
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            keyed: RandomState::new(),
            keeps: AtomicBool::new(true),
        }
    }

    /// The copy of a session, if it is young enough.
    pub(super) fn find(&self, namespace: &Namespace, id: Id) -> Option<Stored> {
        let key = self.key(namespace, id);
        self.shard(&key).find(&key, Instant::now())
    }

    /// Begins a call to the store.
    pub(super) fn ticket(&self, id: Id) -> Ticket {
        let begun = Instant::now();
        self.lock(self.keyed.hash_one(id)).ticket(begun)
    }

    /// Keeps what a load has found, unless something has changed since it began.
    pub(super) fn loaded(&self, namespace: &Namespace, id: Id, ticket: &Ticket, found: Option<&Stored>) {
        let key = self.key(namespace, id);
        let mut shard = self.shard(&key);
        match found {
            Some(stored) if stored.freshness == Freshness::Latest && self.keeps() => {
                shard.loaded(&key, ticket, stored.clone());
            }
            // A copy of a copy would be older than it looks.
            Some(_) => {}
            None => shard.found_nothing(&key, ticket),
        }
    }

    /// Replaces the copy of a session that was written.
    pub(super) fn wrote(&self, namespace: &Namespace, id: Id, ticket: &Ticket, stored: Stored) {
        let key = self.key(namespace, id);
        let mut shard = self.shard(&key);
        let stored = self.keeps().then_some(stored);
        shard.wrote(&key, ticket, stored);
    }

    /// Moves the copy of a session that was touched.
    pub(super) fn touched(&self, namespace: &Namespace, id: Id, touched: Touched) {
        let key = self.key(namespace, id);
        self.shard(&key).touched(&key, touched);
    }

    /// Drops the copy of a session that has changed.
    pub(super) fn drop_copy(&self, namespace: &Namespace, id: Id) {
        let key = self.key(namespace, id);
        self.shard(&key).changed(&key);
    }

    /// Drops the copies in a namespace that are these.
    pub(super) fn drop_these(&self, namespace: &Namespace, whose: &Whose) {
        for mut shard in self.each() {
            shard.drop_these(namespace, whose);
        }
    }

    /// Drops all copies.
    pub(super) fn drop_all(&self) {
        for mut shard in self.each() {
            shard.clear();
        }
    }

    /// Drops all copies, and makes none.
    pub(super) fn keep_none(&self) {
        self.keeps.store(false, Ordering::SeqCst);
        self.drop_all();
    }

    /// Makes copies of what is loaded from now on.
    pub(super) fn keep(&self) {
        // What is under way was asked while nobody told of changes: its tickets end here.
        self.drop_all();
        self.keeps.store(true, Ordering::SeqCst);
    }

    pub(super) fn stats(&self) -> Stats {
        let mut stats = Stats {
            keeping: self.keeps(),
            ..Stats::default()
        };
        for shard in self.each() {
            shard.count(&mut stats);
        }
        stats
    }

    fn keeps(&self) -> bool {
        self.keeps.load(Ordering::SeqCst)
    }

    fn key<'a>(&self, namespace: &'a Namespace, id: Id) -> Key<'a> {
        let hash = self.keyed.hash_one(id);
        Key { namespace, id, hash }
    }

    fn shard(&self, key: &Key<'_>) -> MutexGuard<'_, Shard> {
        self.lock(key.hash)
    }

    fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // A table takes its bucket from the low bits and its tag from the high ones: these are neither.
        let number = (hash >> 40) as usize % SHARDS;
        lock(&self.shards[number])
    }

    fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(lock)
    }
}

/// Takes a lock past poison: a shard is whole whenever something that could panic is called.
fn lock(shard: &Padded) -> MutexGuard<'_, Shard> {
    shard.0.lock().unwrap_or_else(PoisonError::into_inner)
}
