//! What happens to sessions, told in one place: to the log, and to whoever in the application has subscribed.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use cloakroom_store::{Id, Principal, Timestamp};
use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::events;
use crate::throttle::{Block, Throttled};

/// How many events wait for a subscriber that is slow, before it misses the oldest.
const KEPT: usize = 1024;

/// Something that happened to a session on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// When.
    pub at: Timestamp,
    /// Which session it was; `None` where it was more than one, or nobody knows.
    pub session: Option<Id>,
    /// Who is, or was, signed in; `None` also where nobody knows.
    pub principal: Option<Principal>,
    /// What it was.
    pub what: Happened,
}

/// What happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened {
    /// There were too many [`Attempts`](crate::Attempts), and this was the first in its window to be refused: those that
    /// follow are not told. No session, and no principal: nobody knows whether there is one of that name.
    AttemptsRefused {
        /// What they were counted by.
        by: Throttled,
        /// Where this one came from.
        address: IpAddr,
    },
    /// It began: with the first thing that was kept in it, or with a sign-in, which is told next.
    Begun,
    /// It ended before its time.
    Ended(Why),
    /// Everyone's sessions ended, by an operator; how many that were, where it can be counted.
    EveryonesEnded(u64),
    /// It may have ended for this reason: the store did not say, or nobody was there to hear it. Told without a session where it
    /// is not known which one that would be, or where it would be all of the principal's.
    MayHaveEnded(Why),
    /// All sessions of a principal ended, but for the one this was done in, where that was asked for. Which they were
    /// nobody says.
    PrincipalsEnded {
        /// The one that stays.
        kept: Option<Id>,
    },
    /// It has a new token.
    Rotated,
    /// Somebody signed in, or showed again who they are: it has a new token.
    SignedIn,
    /// A token was used after its successor, so one of the two was stolen: it ended. If the store did not say so, it ends at the
    /// next such use.
    TokenReused,
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Its user has other credentials now: see [`Users::credentials`](crate::Users::credentials).
    CredentialsChanged,
    /// It was signed in with credentials, and its user has none: they were taken away, or
    /// [`Users::credentials`](crate::Users::credentials) is missing where the application finds its users.
    CredentialsGone,
    /// Its user ended it, perhaps from another device.
    EndedByUser,
    /// Its user signed in once more than the policy allows, and it was the oldest.
    OverLimit,
    /// Somebody else signed in, in its place.
    SignedInAsAnother,
    /// Its user signed out.
    SignedOut,
    /// Its user signed out everywhere.
    SignedOutEverywhere,
    /// Its user is gone or disabled: see [`Users::find`](crate::Users::find).
    UserGone,
    /// It was signed in without credentials, and its user has some: they were given their first, or
    /// [`SignIn::credentials`](crate::SignIn::credentials) is missing where the application signs them in.
    WithoutCredentials,
}

impl Why {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::CredentialsChanged => "its user has other credentials now",
            Self::CredentialsGone => "its user has no credentials any more",
            Self::EndedByUser => "ended by its user",
            Self::OverLimit => "more sessions than allowed",
            Self::SignedInAsAnother => "somebody else signed in",
            Self::SignedOut => "signed out",
            Self::SignedOutEverywhere => "signed out everywhere",
            Self::UserGone => "its user is gone or disabled",
            Self::WithoutCredentials => "signed in without credentials",
        }
    }
}

/// Where subscribers are: the same for all clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle {
    /// Nothing, until somebody subscribes.
    sender: Arc<OnceLock<Sender<SessionEvent>>>,
}

impl Lifecycle {
    /// Tells what happened. Whoever hears it cannot hold it up, and a panic of theirs is theirs.
    pub(crate) fn tell(
        &self,
        what: Happened,
        session: Option<Id>,
        principal: impl FnOnce() -> Option<Principal>,
        now: impl FnOnce() -> Timestamp,
    ) {
        log(what, session);
        let Some(sender) = self.sender.get().filter(|sender| sender.receiver_count() > 0) else {
            return;
        };
        let event = SessionEvent {
            at: now(),
            session,
            principal: principal(),
            what,
        };
        // The last one may have gone this moment.
        drop(sender.send(event));
    }

    pub(crate) fn subscribe(&self) -> Receiver<SessionEvent> {
        self.sender.get_or_init(|| broadcast::channel(KEPT).0).subscribe()
    }
}

fn log(what: Happened, session: Option<Id>) {
    match (what, session) {
        (Happened::AttemptsRefused { by, address }, _) => {
            events::attempts_refused(by.word(), &Block::of(address));
        }
        (Happened::Begun, Some(session)) => events::begun(session),
        (Happened::Ended(why), Some(session)) => {
            events::ended(session, why.words());
            match why {
                Why::CredentialsGone => events::credentials_gone(session),
                Why::WithoutCredentials => events::without_credentials(session),
                _ => {}
            }
        }
        (Happened::MayHaveEnded(why), session) => events::may_have_ended(session, why.words()),
        (Happened::EveryonesEnded(many), _) => events::everyone_ended(many),
        (Happened::PrincipalsEnded { kept }, _) => events::principal_ended(kept),
        (Happened::Rotated, Some(session)) => events::rotated(session),
        (Happened::SignedIn, Some(session)) => events::signed_in(session),
        (Happened::TokenReused, Some(session)) => events::token_reused(session),
        (_, None) => {}
    }
}
