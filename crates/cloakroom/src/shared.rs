//! What all clones of a session share, and the two locks that order what they do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_store::{Id, Principal};

use crate::Error;
use crate::config::Config;
use crate::lifecycle::Happened;
use crate::state::{Effect, Replay, State};

/// What all clones of a session share.
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    /// Held for a few instructions at a time, never over an await or a closure of the user's.
    state: Mutex<State>,
    /// One commit or ending at a time: held over the calls of the store.
    pub(crate) gate: tokio::sync::Mutex<()>,
}

impl Shared {
    pub(crate) fn new(config: Arc<Config>, state: State) -> Self {
        Self {
            config,
            state: Mutex::new(state),
            gate: tokio::sync::Mutex::const_new(()),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves a state that is whole: each change of it is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies the request's changes to what the session is now, again when a clone records more meanwhile.
    pub(crate) fn apply_again(&self, mut replay: Replay) -> Result<(), Error> {
        loop {
            // User code, and so without the lock.
            let view = replay.run(self.config.limit())?;
            match self.state().replayed(replay, view) {
                None => return Ok(()),
                Some(longer) => replay = longer,
            }
        }
    }
}

/// Tells what a write, or a new cookie, meant.
pub(crate) fn announce(
    config: &Config,
    id: Id,
    effect: Effect,
    principal: impl FnOnce() -> Option<Principal>,
) {
    match effect {
        Effect::None => {}
        Effect::Begun => config.tell(id, Happened::Begun, principal),
        Effect::SignedIn => config.tell(id, Happened::SignedIn, principal),
        Effect::Rotated => config.tell(id, Happened::Rotated, principal),
    }
}
