//! What all clones of a session share, and the two locks that order what they do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::state::State;

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
}
