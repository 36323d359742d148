//! Endings that are under way: told as they turn out, and also when nobody hears what the store answers.

use cloakroom_store::{Deleted, Id, Principal};

use crate::config::Config;
use crate::lifecycle::{Happened, Why};
use crate::{Error, ErrorKind};

/// An ending that is under way. Dropped before it has turned out, because the store has not answered or the client is gone,
/// it may have happened.
#[must_use = "what becomes of it is told when it is dropped"]
pub(crate) struct Untold<'a> {
    config: &'a Config,
    session: Id,
    because: Because,
    owner: Option<Principal>,
    turned_out: Option<Deleted>,
}

/// Why it is to end.
#[derive(Debug, Clone, Copy)]
enum Because {
    Asked(Why),
    Stolen,
}

impl<'a> Untold<'a> {
    pub(crate) fn new(config: &'a Config, session: Id, why: Why, owner: Option<Principal>) -> Self {
        Self::of(config, session, Because::Asked(why), owner)
    }

    /// Because a token was used that had been rotated away: whoever used it may be gone before the store answers.
    pub(crate) fn theft(config: &'a Config, session: Id, owner: Option<Principal>) -> Self {
        Self::of(config, session, Because::Stolen, owner)
    }

    fn of(config: &'a Config, session: Id, because: Because, owner: Option<Principal>) -> Self {
        Self {
            config,
            session,
            because,
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
        let what = match (self.because, self.turned_out) {
            // Another request has ended it, and told so.
            (_, Some(Deleted::Missing | Deleted::NotOwner)) => return,
            (Because::Asked(why), Some(Deleted::Ended)) => Happened::Ended(why),
            (Because::Asked(why), None) => Happened::MayHaveEnded(why),
            // It was stolen also where nobody can say whether it has ended.
            (Because::Stolen, Some(Deleted::Ended) | None) => Happened::TokenReused,
        };
        self.config.tell(self.session, what, || self.owner.take());
    }
}

/// The end of a principal's sessions, or of all but one, that is under way.
#[must_use = "what becomes of it is told when it is dropped"]
pub(crate) struct UntoldOfAll<'a> {
    config: &'a Config,
    principal: &'a Principal,
    kept: Option<Id>,
    have_ended: Option<bool>,
}

impl<'a> UntoldOfAll<'a> {
    pub(crate) fn new(config: &'a Config, principal: &'a Principal, kept: Option<Id>) -> Self {
        Self {
            config,
            principal,
            kept,
            have_ended: None,
        }
    }

    /// This was answered: they have ended, they may have, or it cannot be done.
    pub(crate) fn turns_out<T>(mut self, answer: &Result<T, Error>) {
        self.have_ended = match answer {
            Ok(_) => Some(true),
            Err(error) if error.kind() == ErrorKind::Unavailable => None,
            Err(_) => Some(false),
        };
    }
}

impl Drop for UntoldOfAll<'_> {
    fn drop(&mut self) {
        let what = match self.have_ended {
            Some(true) => Happened::PrincipalsEnded { kept: self.kept },
            Some(false) => return,
            None => Happened::MayHaveEnded(Why::SignedOutEverywhere),
        };
        self.config.outdate_principal(self.principal);
        self.config.tell_all(what, Some(self.principal));
    }
}
