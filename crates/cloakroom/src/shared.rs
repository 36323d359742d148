//! What all clones of a session share, and the two locks that order what they do.

use std::any::TypeId;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cloakroom_store::{Id, Principal};

use crate::Error;
use crate::bounded::Patience;
use crate::config::Config;
use crate::lifecycle::Happened;
use crate::state::{Effect, Replay, State};
use crate::users::AnyUser;

/// What all clones of a session share.
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    /// Held for a few instructions at a time, never over an await or a closure of the user's.
    state: Mutex<State>,
    /// One commit or ending at a time: held over the calls of the store.
    pub(crate) gate: tokio::sync::Mutex<()>,
    /// Who this request has found to be signed in: nothing, until a handler asks. Held while somebody is looked up.
    known: OnceLock<Box<tokio::sync::Mutex<Vec<KnownUser>>>>,
}

/// A user that was found for this request.
pub(crate) struct KnownUser {
    /// Which type of user.
    pub(crate) of: TypeId,
    pub(crate) principal: Principal,
    pub(crate) user: AnyUser,
}

impl Shared {
    pub(crate) fn new(config: Arc<Config>, state: State) -> Self {
        Self {
            config,
            state: Mutex::new(state),
            gate: tokio::sync::Mutex::const_new(()),
            known: OnceLock::new(),
        }
    }

    /// Who this request has found to be signed in.
    pub(crate) fn known_users(&self) -> &tokio::sync::Mutex<Vec<KnownUser>> {
        self.known.get_or_init(Box::default)
    }

    /// How long to go on trying.
    pub(crate) fn patience(&self) -> Patience {
        Patience::new(self.config.patience())
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
pub(crate) fn announce(config: &Config, id: Id, effect: Effect, principal: impl Fn() -> Option<Principal>) {
    let happened: &[Happened] = match effect {
        Effect::None => &[],
        Effect::Begun => &[Happened::Begun],
        Effect::BegunSignedIn => &[Happened::Begun, Happened::SignedIn],
        Effect::SignedIn => &[Happened::SignedIn],
        Effect::Rotated => &[Happened::Rotated],
    };
    for what in happened {
        config.tell(id, *what, &principal);
    }
}
