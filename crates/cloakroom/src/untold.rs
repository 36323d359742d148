//! An ending that is under way: told as it turns out, and also when nobody hears what the store answers.

use cloakroom_store::{Deleted, Id, Principal};

use crate::config::Config;
use crate::lifecycle::{Happened, Why};

/// An ending that is under way. Dropped before it has turned out, because the store has not answered or the client is gone,
/// it may have happened.
#[must_use = "what becomes of it is told when it is dropped"]
pub(crate) struct Untold<'a> {
    config: &'a Config,
    session: Id,
    why: Why,
    owner: Option<Principal>,
    turned_out: Option<Deleted>,
}

impl<'a> Untold<'a> {
    pub(crate) fn new(config: &'a Config, session: Id, why: Why, owner: Option<Principal>) -> Self {
        Self {
            config,
            session,
            why,
            owner,
            turned_out: None,
        }
    }

    /// This became of it.
    pub(crate) fn turns_out(mut self, deleted: Deleted) {
        self.turned_out = Some(deleted);
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        // Also where it only may have ended.
        self.config.outdate(self.session);
        let what = match self.turned_out {
            Some(Deleted::Ended) => Happened::Ended(self.why),
            Some(Deleted::Missing | Deleted::NotOwner) => return,
            None => Happened::MayHaveEnded(self.why),
        };
        self.config.tell(self.session, what, || self.owner.take());
    }
}
