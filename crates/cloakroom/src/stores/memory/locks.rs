//! Taking locks: past poison, and several of them in one order.
//!
//! The order that keeps this store free of deadlocks: shards of the index, lower numbers first; then the
//! turn to evict; then shards of sessions, lower numbers first.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. Nothing that can panic runs under one, but for a broken invariant of one session, and that
/// must not take all the others with it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Several shards, locked together.
pub(super) struct Locked<'a, T>(Vec<(u8, MutexGuard<'a, T>)>);

impl<'a, T> Locked<'a, T> {
    /// Locks these shards, each once and in the order of their numbers.
    pub(super) fn new(shards: &'a [Mutex<T>], numbers: impl IntoIterator<Item = u8>) -> Self {
        let mut numbers: Vec<u8> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let guard = |number: u8| (number, lock(&shards[usize::from(number)]));
        Self(numbers.into_iter().map(guard).collect())
    }

    /// One of the shards that are locked.
    pub(super) fn shard(&mut self, number: u8) -> &mut T {
        let (_, shard) = self
            .0
            .iter_mut()
            .find(|(locked, _)| *locked == number)
            .expect("a shard is used only when it was locked");
        shard
    }
}
