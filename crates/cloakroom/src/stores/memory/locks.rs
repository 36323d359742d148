//! Taking locks: past poison, and several of them in one order.
//!
//! The order that keeps this store free of deadlocks: shards of the index, lower numbers first; then the
//! turn to evict; then shards of sessions, lower numbers first.

use std::iter;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::SHARDS;

/// Takes a lock. Nothing that can panic runs under one, but for a broken invariant of one session, and that
/// must not take all the others with it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Several shards, locked together.
pub(super) struct Locked<'a, T> {
    first: Option<(u8, MutexGuard<'a, T>)>,
    /// Nearly always empty, and then not allocated.
    others: Vec<(u8, MutexGuard<'a, T>)>,
}

impl<'a, T> Locked<'a, T> {
    /// Locks these shards, each once and in the order of their numbers.
    pub(super) fn new(shards: &'a [Mutex<T>], numbers: impl IntoIterator<Item = u8>) -> Self {
        const { assert!(SHARDS as u32 <= u64::BITS) };
        let mut wanted = numbers.into_iter().fold(0_u64, |set, number| set | 1 << number);
        let mut locked = iter::from_fn(|| {
            let number = wanted.trailing_zeros() as u8;
            wanted &= wanted.checked_sub(1)?; // without its lowest
            Some((number, lock(&shards[usize::from(number)])))
        });
        Self {
            first: locked.next(),
            others: locked.collect(),
        }
    }

    /// One of the shards that are locked.
    pub(super) fn shard(&mut self, number: u8) -> &mut T {
        let mut locked = self.first.iter_mut().chain(&mut self.others);
        let (_, shard) = locked
            .find(|(locked, _)| *locked == number)
            .expect("a shard is used only when it was locked");
        shard
    }
}
