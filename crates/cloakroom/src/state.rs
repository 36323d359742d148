//! What one request knows of its session and has done to it. No I/O: commit carries out what this decides.

mod forms;
mod over;
mod reread;
mod sealed;
mod stored;

use std::time::Duration;

use cloakroom_store::{Id, Principal, Timestamp};

use crate::Error;
use crate::change::{Change, Limit, Update, View};
use crate::claims::Claims;
use crate::data::Data;
use crate::held::Held;
use crate::token::Token;

pub(crate) use reread::Reading;
pub(crate) use sealed::{Pending, SealedStep};
use stored::Attempt;
pub(crate) use stored::{Doubt, Step};

/// What one request knows of its session and has done to it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The session, as it was last seen.
    held: Option<Loaded>,
    /// Its data, as it was last seen.
    base: Data,
    /// What the handler sees: the data after the changes.
    pub(crate) view: View,
    changes: Vec<Change>,
    /// What the changes are to be applied to again, as long as they have not been: what the handler sees is of before.
    unapplied: Option<View>,
    /// Grows whenever the view changes, so that a closure that ran without the lock knows what it ran on.
    version: u64,
    /// The session ended elsewhere, or its token was replaced: what is done to it is dropped.
    over: bool,
    /// Writes whose answer is not known.
    attempts: Vec<Attempt>,
    /// The moment before which the tokens of a sealed session are, or may be, marked by this request.
    stamp: Option<Timestamp>,
    cookie: Option<CookieChange>,
    /// When the store said that it is as it was last seen.
    seen: Option<Timestamp>,
    /// What is held comes from a copy: the store may know more.
    is_copy: bool,
    /// Whether the browser has a snapshot.
    has_snapshot: bool,
    /// Whether that is from before something this request did.
    outdates_snapshot: bool,
    /// The response head has left: no cookie can be sent any more.
    pub(crate) head_sent: bool,
}

/// A session as one request holds it, its data aside.
#[derive(Debug)]
enum Loaded {
    /// As its record says.
    Stored(Box<Held>),
    /// As its cookie says.
    Sealed(Box<Claims>),
}

impl Loaded {
    fn id(&self) -> Id {
        match self {
            Self::Stored(held) => held.token.id,
            Self::Sealed(claims) => claims.id,
        }
    }

    fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Stored(held) => held.principal.as_ref(),
            Self::Sealed(claims) => claims.principal.as_ref(),
        }
    }

    /// It as a handler sees it, with this data.
    fn view(&self, data: Data) -> View {
        let label = match self {
            Self::Stored(held) => held.label.as_ref(),
            Self::Sealed(claims) => claims.label.as_ref(),
        };
        View::new(data, self.principal().cloned(), label.cloned())
    }
}

/// What the response does to the session cookie.
#[derive(Debug, Clone)]
pub(crate) enum CookieChange {
    Set {
        token: Token,
        lives_for: Option<Duration>,
    },
    /// Seals the session as it then is.
    Seal,
    Remove,
}

/// What a write, or a new cookie, meant besides changed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Begun,
    /// It began with somebody signing in.
    BegunSignedIn,
    SignedIn,
    Rotated,
}

impl Effect {
    /// Whether somebody signed in.
    pub(crate) fn signs_in(self) -> bool {
        matches!(self, Self::BegunSignedIn | Self::SignedIn)
    }
}

impl State {
    /// A request without a session.
    pub(crate) fn anonymous() -> Self {
        Self::default()
    }

    /// A request whose token belongs to a live session.
    pub(crate) fn live(held: Box<Held>, data: Data) -> Self {
        Self::of(Loaded::Stored(held), data)
    }

    /// A request whose cookie holds a live session.
    pub(crate) fn sealed(claims: Box<Claims>, data: Data) -> Self {
        Self::of(Loaded::Sealed(claims), data)
    }

    fn of(session: Loaded, data: Data) -> Self {
        Self {
            view: session.view(data.clone()),
            base: data,
            held: Some(session),
            ..Self::default()
        }
    }

    /// A request whose token was good once: a neighbour has rotated it. What it does to the session is dropped.
    ///
    /// Were it to begin a session of its own instead, its cookie would replace the neighbour's login.
    pub(crate) fn superseded() -> Self {
        Self {
            over: true,
            ..Self::default()
        }
    }

    /// Whether what was done to the session has no effect: it is over, and no sign-in begins another one.
    pub(crate) fn drops_changes(&self) -> bool {
        self.over && !self.signs_in()
    }

    /// Whether somebody is to be signed in who is not yet.
    pub(crate) fn signs_in(&self) -> bool {
        let signs_in = |change: &Change| matches!(change, Change::SignIn(_));
        self.changes.iter().any(signs_in)
    }

    /// The session's public name.
    pub(crate) fn id(&self) -> Option<Id> {
        self.held.as_ref().map(Loaded::id)
    }

    /// Who is signed in, without this request's own changes.
    pub(crate) fn owner(&self) -> Option<Principal> {
        self.held.as_ref().and_then(Loaded::principal).cloned()
    }

    /// When the session is over, whatever a store says: its absolute timeout, and of a sealed one, which nobody else can
    /// have moved, the idle one, too.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        self.held.as_ref().map(|session| match session {
            Loaded::Stored(held) => held.ends,
            Loaded::Sealed(claims) => claims.expires(),
        })
    }

    fn stored(&self) -> Option<&Held> {
        match &self.held {
            Some(Loaded::Stored(held)) => Some(held),
            Some(Loaded::Sealed(_)) | None => None,
        }
    }

    /// Records a change whose effect needs no user code.
    pub(crate) fn record(&mut self, change: Change, limit: Limit<'_>) -> Result<(), Error> {
        self.keep_what_is_under_way();
        self.view.apply(&change, limit)?;
        self.version += 1;
        self.changes.push(change);
        Ok(())
    }

    /// The version of the view, and the JSON that is there under a key.
    pub(crate) fn snapshot(&self, key: &str) -> (u64, Option<Vec<u8>>) {
        (self.version, self.view.data.get(key).map(<[u8]>::to_vec))
    }

    /// Records an update that made `value` of what a snapshot showed, or gives it back when that has changed.
    pub(crate) fn record_update(
        &mut self,
        (key, update): (String, Update),
        version: u64,
        value: &[u8],
        limit: Limit<'_>,
    ) -> Result<Option<(String, Update)>, Error> {
        if self.version != version {
            return Ok(Some((key, update)));
        }
        self.keep_what_is_under_way();
        self.view.set(&key, value, limit)?;
        self.version += 1;
        self.changes.push(Change::Update { key, update });
        Ok(None)
    }

    /// Keeps the data of a write that is under way, before a clone of the session changes the view.
    fn keep_what_is_under_way(&mut self) {
        let recorded = self.changes.len();
        for attempt in &mut self.attempts {
            if attempt.changes == recorded && attempt.data.is_none() {
                attempt.data = Some(self.view.data.clone());
            }
        }
    }

    /// Forgets what was not written: after a 5xx. A write that is under way may still be applied.
    pub(crate) fn drop_changes(&mut self) {
        self.changes.clear();
        self.unapplied = None;
        for attempt in &mut self.attempts {
            attempt.changes = 0;
        }
        let base = self.base.clone();
        self.view = match &self.held {
            Some(session) => session.view(base),
            None => View::new(base, None, None),
        };
        self.version += 1;
    }

    /// Whether a recorded change needs a cookie to be sent.
    pub(crate) fn needs_cookie(&self) -> bool {
        let begins = match self.held {
            None => !self.view.data.as_bytes().is_empty(),
            Some(Loaded::Stored(_)) => false,
            Some(Loaded::Sealed(_)) => self.view.data.as_bytes() != self.base.as_bytes(),
        };
        let rotates = |change: &Change| matches!(change, Change::SignIn(_) | Change::Rotate);
        !self.drops_changes() && (begins || self.changes.iter().any(rotates))
    }

    /// Whether there is something to be written, or a write under way to be settled.
    pub(crate) fn is_changed(&self) -> bool {
        !self.changes.is_empty() || !self.attempts.is_empty()
    }

    /// Whether there is no session, and nothing that would begin one.
    pub(crate) fn is_settled(&self) -> bool {
        self.held.is_none() && (self.changes.is_empty() || self.drops_changes())
    }

    /// Has the changes applied again, to this, and lets nothing be written before they are.
    fn replay(&mut self, from: View) -> Replay {
        self.unapplied = Some(from.clone());
        Replay {
            from,
            changes: self.changes.clone(),
        }
    }

    /// What to apply again before anything else: it failed, and fails again most likely, but what the handler sees would take
    /// along what is not there any more.
    fn still_unapplied(&mut self) -> Option<Replay> {
        let from = self.unapplied.take()?;
        Some(self.replay(from))
    }

    /// Puts the changes that were applied again in place, or answers what there is to apply by now.
    pub(crate) fn replayed(&mut self, replay: Replay, view: View) -> Option<Replay> {
        if self.changes.len() != replay.changes.len() {
            return Some(Replay {
                changes: self.changes.clone(),
                ..replay
            });
        }
        self.view = view;
        self.unapplied = None;
        self.version += 1;
        None
    }

    pub(crate) fn take_cookie(&mut self) -> Option<CookieChange> {
        self.cookie.take()
    }
}

/// What a session turned out to be when it was read again.
#[derive(Debug)]
pub(crate) enum Found {
    /// As it was.
    Unchanged,
    /// Another state of it. The changes are to be applied again: user code, and so not done under the lock.
    Changed(Replay),
    /// As this request wrote it: the answer had been lost.
    Written(Replay, Effect),
    /// Gone, or no longer this token's: what was done to it is dropped.
    Over,
}

/// Changes to be applied to what the session is now.
#[derive(Debug)]
pub(crate) struct Replay {
    from: View,
    changes: Vec<Change>,
}

impl Replay {
    /// Applies them: runs user code, so not under a lock.
    pub(crate) fn run(&self, limit: Limit<'_>) -> Result<View, Error> {
        self.from.clone().replay(&self.changes, limit)
    }
}
