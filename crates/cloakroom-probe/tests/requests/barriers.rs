//! Barriers inside of handlers: a request that says `delay_ms=7` waits at barrier 7 until it is opened.

use std::collections::HashMap;
use std::sync::Arc;

use cloakroom_probe::Pause;
use tokio::sync::watch;

/// Numbered barriers, all closed at first.
#[derive(Clone, Default)]
pub(crate) struct Barriers(Arc<watch::Sender<HashMap<u64, Barrier>>>);

#[derive(Default)]
struct Barrier {
    waiting: usize,
    open: bool,
}

impl Barriers {
    /// What the probe does with `delay_ms`.
    pub(crate) fn pause(&self) -> Pause {
        let barriers = self.clone();
        Pause::new(move |number| barriers.clone().wait(number))
    }

    /// Waits until exactly so many requests wait at a barrier.
    pub(crate) async fn reached(&self, number: u64, count: usize) {
        let mut state = self.0.subscribe();
        let reached = state.wait_for(|barriers| barriers.get(&number).map_or(0, |b| b.waiting) == count);
        reached.await.unwrap();
    }

    /// Lets through who waits at a barrier, and who comes later.
    pub(crate) fn open(&self, number: u64) {
        self.0
            .send_modify(|barriers| barriers.entry(number).or_default().open = true);
    }

    /// Closes a barrier again.
    pub(crate) fn close(&self, number: u64) {
        self.0
            .send_modify(|barriers| barriers.entry(number).or_default().open = false);
    }

    async fn wait(self, number: u64) {
        let _waiting = Waiting::at(&self, number);
        let mut state = self.0.subscribe();
        let open = state.wait_for(|barriers| barriers.get(&number).is_some_and(|barrier| barrier.open));
        open.await.unwrap();
    }
}

/// Counts one less when the request goes on, and also when its client has gone away.
struct Waiting<'a>(&'a Barriers, u64);

impl<'a> Waiting<'a> {
    fn at(barriers: &'a Barriers, number: u64) -> Self {
        barriers
            .0
            .send_modify(|barriers| barriers.entry(number).or_default().waiting += 1);
        Self(barriers, number)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0
            .0
            .send_modify(|barriers| barriers.entry(self.1).or_default().waiting -= 1);
    }
}
