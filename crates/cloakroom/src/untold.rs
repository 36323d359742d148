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

/// The end of a session, that is under way, of which a token was used that had been rotated away. It is a theft whatever
/// becomes of the ending, and whoever used the token may be gone before that is known.
#[must_use = "it is told when it is dropped"]
pub(crate) struct UntoldTheft<'a> {
    config: &'a Config,
    session: Id,
    owner: Option<Principal>,
    was_told: bool,
}

impl<'a> UntoldTheft<'a> {
    pub(crate) fn new(config: &'a Config, session: Id, owner: Option<Principal>) -> Self {
        // Before it has ended: no copy of it is believed from now on.
        config.outdate(session);
        Self {
            config,
            session,
            owner,
            was_told: false,
        }
    }

    /// Another request has ended it, and told so.
    pub(crate) fn was_told(mut self) {
        self.was_told = true;
    }
}

impl Drop for UntoldTheft<'_> {
    fn drop(&mut self) {
        if !self.was_told {
            let owner = self.owner.take();
            self.config.tell(self.session, Happened::TokenReused, || owner);
        }
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
