//! Where a request ends: its changes are written, and its cookies made.

use super::Sessions;
use crate::session::Session;
use crate::state::{CookieChange, Doubt, State};
use crate::{Error, commit, events, sealed};

impl Sessions {
    /// Ends a request: writes what it did to its session, and says what to tell the browser.
    ///
    /// What an adapter calls once the head of the response is there and before it leaves. Each response for which a
    /// session was opened also gets `Cache-Control: no-store` and `Vary: Cookie`.
    pub async fn finish(&self, session: &Session, outcome: Outcome) -> Finished {
        let shared = &session.0;
        let _gate = shared.gate.lock().await;
        let result = match outcome {
            Outcome::Success => commit::commit(shared).await,
            Outcome::ServerError => {
                shared.state().drop_changes();
                if let Err(error) = commit::settle_doubt(shared).await {
                    events::failed(&error);
                }
                Ok(())
            }
        };
        if let Err(error) = &result {
            events::failed(error);
        }
        self.conclude(&mut shared.state(), result)
    }

    /// Ends a request if that takes neither the store nor a wait, as for most: they only read.
    ///
    /// What an adapter may call before [`finish`](Self::finish), to be spared a future. `None` has done nothing.
    pub fn finish_at_once(&self, session: &Session, outcome: Outcome) -> Option<Finished> {
        let shared = &session.0;
        let sealed = self.config.sealed.is_some();
        if outcome == Outcome::Success && !sealed && shared.state().is_changed() {
            return None;
        }
        // A clone that is writing or ending the session comes first.
        let _gate = shared.gate.try_lock().ok()?;
        let mut state = shared.state();
        match outcome {
            Outcome::Success if sealed => {
                if !sealed::commit_at_once(&mut state, &self.config) {
                    return None;
                }
            }
            Outcome::Success if state.is_done(&self.config, self.config.clock.now()) => {}
            // What became of a write that was not waited for takes a look into the store.
            Outcome::ServerError if state.doubt() == Doubt::None => state.drop_changes(),
            Outcome::Success | Outcome::ServerError => return None,
        }
        Some(self.conclude(&mut state, Ok(())))
    }

    fn conclude(&self, state: &mut State, mut result: Result<(), Error>) -> Finished {
        state.head_sent = true;
        state.keep_stamp();
        let config = &self.config;
        let set_cookie = match (state.take_cookie(), &config.sealed) {
            (Some(CookieChange::Set { token, lives_for }), _) => {
                Some(config.cookie.set(&token.text(), lives_for))
            }
            (Some(CookieChange::Remove), _) => Some(config.cookie.removal()),
            (Some(CookieChange::Seal), Some(sealed)) => match sealed::conclude(state, config, sealed) {
                Ok(sealed) => sealed.map(|(value, lives_for)| config.cookie.set(&value, lives_for)),
                Err(error) => {
                    events::failed(&error);
                    result = Err(error);
                    None
                }
            },
            (Some(CookieChange::Seal) | None, _) => None,
        };
        let set_snapshot = self.snapshot(state);
        Finished {
            result,
            set_cookie,
            set_snapshot,
        }
    }

    /// The value of the `Set-Cookie` header that brings a snapshot, or takes away one that is outdated.
    fn snapshot(&self, state: &State) -> Option<String> {
        let config = &self.config;
        let snapshots = config.snapshots.as_ref()?;
        let taken = state.seen().and_then(|(taken, held, data)| {
            // Without randomness there is no snapshot, and the store is asked again.
            let nonce = config.random.draw().ok()?;
            let text = snapshots.seal(taken, held, data, &nonce)?;
            let fresh_for = snapshots.fresh_for(held.lifetime.idle());
            Some(snapshots.cookie().set(&text, Some(fresh_for)))
        });
        let removal = || snapshots.cookie().removal();
        taken.or_else(|| state.outdates_snapshot().then(removal))
    }
}

/// How a request went.
// Complete: what a request recorded is either to be written or not.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Any status below 500: what was recorded is written.
    Success,
    /// A 5xx: what was recorded is dropped.
    ServerError,
}

/// What the end of a request came to.
#[derive(Debug)]
#[must_use = "the cookie has to be sent, and an error is a 503 instead of the handler's response"]
#[non_exhaustive]
pub struct Finished {
    /// Whether everything was written. If not, the response is the error's, not the handler's.
    pub result: Result<(), Error>,
    /// The value of a `Set-Cookie` header. Also where writing failed: what was saved before, and what was ended, is
    /// so.
    pub set_cookie: Option<String>,
    /// The value of another `Set-Cookie` header, where the strategy is hybrid: a snapshot of the session.
    pub set_snapshot: Option<String>,
}
