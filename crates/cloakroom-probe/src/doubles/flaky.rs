//! Fails requests to a store, in the ways that networks do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom::store::{Error, ErrorKind};

use super::{Hook, Verb};

/// A store that is down, hangs, or loses requests and replies, as it is told.
#[derive(Debug, Clone, Default)]
pub struct Flaky(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    health: Health,
    next: Vec<(Verb, Fault, usize)>,
    /// Every so manieth reply of a verb is lost.
    every: Option<(Verb, usize)>,
    answered: usize,
    /// How many requests have failed.
    failed: usize,
}

/// How the whole store is.
// Complete: what a client can tell of a server.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// It answers.
    #[default]
    Up,
    /// Each request fails at once.
    Down,
    /// No request is ever answered.
    Hanging,
}

/// How one request fails.
// Complete: it is lost, its reply is, or nothing ever comes.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error, and the store has not seen it.
    LostRequest,
    /// An error, and the store has done it.
    LostReply,
    /// No answer, and the store has not seen it.
    Hangs,
}

impl Flaky {
    /// From now on, the whole store is like this.
    pub fn is(&self, health: Health) {
        self.state().health = health;
    }

    /// The next `count` requests of a verb fail.
    pub fn fail(&self, verb: Verb, fault: Fault, count: usize) {
        self.state().next.push((verb, fault, count));
    }

    /// Every so manieth reply of a verb is lost.
    pub fn lose_every(&self, nth: usize, verb: Verb) {
        self.state().every = Some((verb, nth));
    }

    /// From now on, nothing fails.
    pub fn recover(&self) {
        let failed = self.failed();
        *self.state() = State {
            failed,
            ..State::default()
        };
    }

    /// How many requests have failed, so that a test can tell that it tested something.
    pub fn failed(&self) -> usize {
        self.state().failed
    }

    fn fault(&self, verb: Verb) -> Option<Fault> {
        let mut state = self.state();
        let fault = state.choose(verb);
        state.failed += usize::from(fault.is_some());
        fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choose(&mut self, verb: Verb) -> Option<Fault> {
        match self.health {
            Health::Up => {}
            Health::Down => return Some(Fault::LostRequest),
            Health::Hanging => return Some(Fault::Hangs),
        }
        let next = (self.next.iter_mut()).find(|(failing, _, left)| *failing == verb && *left > 0);
        if let Some((_, fault, left)) = next {
            *left -= 1;
            return Some(*fault);
        }
        let (_, nth) = self.every.filter(|(failing, _)| *failing == verb)?;
        self.answered += 1;
        self.answered.is_multiple_of(nth).then_some(Fault::LostReply)
    }
}

impl Hook for Flaky {
    async fn around<T: Send>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let unavailable = |what| Error::new(ErrorKind::Unavailable, what);
        match self.fault(verb) {
            None => call.await,
            Some(Fault::LostRequest) => Err(unavailable("the double lost the request")),
            Some(Fault::LostReply) => {
                call.await?;
                Err(unavailable("the double lost the reply"))
            }
            Some(Fault::Hangs) => std::future::pending().await,
        }
    }
}
