//! One at a time: of those on this node that give the same session another token.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::Id;
use tokio::sync::Notify;

/// Whose turn it is, for each session that gets another token at the moment.
///
/// Two clicks on "sign in" arrive together. The second one is to find what the first has done, as it would in a store.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    // Guards the sessions that somebody has a turn with: one or two of them at a time.
    taken: Mutex<HashSet<Id>>,
    given_back: Notify,
}

/// A turn, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    id: Id,
}

impl Turns {
    /// Waits until nobody else on this node gives this session another token.
    pub(crate) async fn take(&self, id: Id) -> Turn<'_> {
        loop {
            let mut given_back = std::pin::pin!(self.given_back.notified());
            // Before looking, so that what is given back in between is not missed.
            given_back.as_mut().enable();
            if self.taken().insert(id) {
                return Turn { turns: self, id };
            }
            given_back.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.taken().remove(&self.id);
        self.turns.given_back.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_session_has_one_at_a_time() {
        let (turns, inside) = (Arc::new(Turns::default()), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (turns, inside) = (Arc::clone(&turns), Arc::clone(&inside));
                tokio::spawn(async move {
                    let _turn = turns.take(Id::from_bytes([1; 16])).await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        let _other = turns.take(Id::from_bytes([2; 16])).await;
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(turns.taken().len(), 1, "what is given back is forgotten");
    }
}
