//! What a request makes of its session when the store says once more what it has: its own write, another's, or nothing.

use cloakroom_store::{Stored, Timestamp};

use super::stored::{Attempt, effect_of};
use super::{Found, Loaded, Replay, State};
use crate::Error;
use crate::config::Config;
use crate::data::Data;
use crate::envelope::Opened;
use crate::held::Held;

/// Whether a record that has not changed is to be taken up all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Anew,
    IfChanged,
}

impl State {
    /// What the store says now, for the session that [`Doubt::About`] was about.
    pub(crate) fn reconsider(
        &mut self,
        stored: Option<Stored>,
        config: &Config,
        now: Timestamp,
        reading: Reading,
    ) -> Result<Found, Error> {
        if let Some(stored) = &stored
            && let Some(found) = self.find_own_write(stored, config, now)?
        {
            return Ok(found);
        }
        let Some(held) = self.stored() else {
            // A session was to be begun. Where another one has its id, none of the attempts can arrive any more.
            if stored.is_some() {
                self.attempts.clear();
            }
            return Ok(Found::Unchanged);
        };
        let opened = match stored {
            Some(stored) => {
                let unchanged = Some(stored.revision) == held.revision;
                if unchanged && reading == Reading::IfChanged {
                    return Ok(Found::Unchanged);
                }
                let opened = config.open(stored, &held.token, now)?;
                if !unchanged {
                    // None of the attempts can arrive any more: all of them expected what was there before.
                    self.attempts.clear();
                }
                opened
            }
            None => Opened::Superseded,
        };
        Ok(match opened {
            Opened::Live(held, data) => Found::Changed(self.rebase(held, data)),
            _ => self.end_elsewhere(),
        })
    }

    /// Looks for a write of this request whose answer was lost.
    fn find_own_write(
        &mut self,
        stored: &Stored,
        config: &Config,
        now: Timestamp,
    ) -> Result<Option<Found>, Error> {
        for at in 0..self.attempts.len() {
            let attempt = &self.attempts[at];
            let opened = config.open(stored.clone(), &attempt.plan.next.token, now)?;
            if let Opened::Live(held, data) = opened
                && held.recent.contains(attempt.tag)
            {
                let Attempt {
                    at: decided,
                    plan,
                    changes,
                    ..
                } = self.attempts.swap_remove(at);
                self.attempts.clear();
                self.hand_out(&plan, decided);
                self.changes.drain(..changes);
                let effect = effect_of(&plan);
                return Ok(Some(Found::Written(self.rebase(held, data), effect)));
            }
        }
        Ok(None)
    }

    /// Takes up the session as it is now; what is left of the changes has to be applied again.
    fn rebase(&mut self, held: Box<Held>, data: Data) -> Replay {
        self.over = false;
        self.is_copy = false;
        self.seen = None;
        self.outdates_snapshot = true;
        self.base = data.clone();
        let from = self.held.insert(Loaded::Stored(held)).view(data);
        self.replay(from)
    }
}
