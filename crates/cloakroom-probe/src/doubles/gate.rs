//! Holds requests to a store until they are released, so that a race can be forced.

use cloakroom::store::Error;
use tokio::sync::watch;

use super::{Hook, Verb};

/// Holds requests before or after they reach the store, until they are released.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    /// What is to be held, and how many more of it.
    rules: Vec<(Verb, Moment, usize)>,
    held: usize,
    /// Grows with each release.
    released: u64,
}

/// Where a request is held.
// Complete: a request is on its way, or its answer is.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The store has not seen it.
    Before,
    /// The store has answered, and the caller does not know yet.
    After,
}

impl Gate {
    /// Holds the next `count` requests of a verb.
    pub fn hold(&self, verb: Verb, moment: Moment, count: usize) {
        self.0
            .send_modify(|state| state.rules.push((verb, moment, count)));
    }

    /// Waits until so many requests are held.
    pub async fn held(&self, count: usize) {
        let mut state = self.0.subscribe();
        // It cannot be closed: `self` is the sender.
        let _ = state.wait_for(|state| state.held >= count).await;
    }

    /// Lets go whatever is held, and holds nothing more.
    pub fn release(&self) {
        self.0.send_modify(|state| {
            state.rules.clear();
            state.released += 1;
        });
    }

    async fn pass(&self, verb: Verb, moment: Moment) {
        let mut waits_for = None;
        self.0.send_if_modified(|state| {
            let rule =
                (state.rules.iter_mut()).find(|(held, at, left)| (*held, *at) == (verb, moment) && *left > 0);
            if let Some((_, _, left)) = rule {
                *left -= 1;
                state.held += 1;
                waits_for = Some(state.released + 1);
            }
            waits_for.is_some()
        });
        if let Some(release) = waits_for {
            let _held = Held(&self.0);
            let mut state = self.0.subscribe();
            let _ = state.wait_for(|state| state.released >= release).await;
        }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(State::default()))
    }
}

impl Hook for Gate {
    async fn around<T: Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.pass(verb, Moment::Before).await;
        let answer = call.await;
        self.pass(verb, Moment::After).await;
        answer
    }
}

/// Counts one less when the request goes on, and also when its caller has gone away.
struct Held<'a>(&'a watch::Sender<State>);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.held -= 1);
    }
}
