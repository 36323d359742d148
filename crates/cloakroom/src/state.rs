//! What one request knows of its session and has done to it. No I/O: commit carries out what this decides.

mod sealed;

use std::time::Duration;

use cloakroom_store::{
    Delete, Deleted, Expect, Id, Owner, Principal, Record, Revision, Stored, Timestamp, Touch, Write,
};

use crate::Error;
use crate::change::{Change, Limit, Update, View};
use crate::claims::Claims;
use crate::config::Config;
use crate::data::Data;
use crate::envelope::Opened;
use crate::held::Held;
use crate::recent::Tag;
use crate::settle::{self, Fresh, Plan, Rules, Settlement, Wanted};
use crate::snapshot::Snapshot;
use crate::token::Token;

pub(crate) use sealed::{Pending, SealedStep};

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
    /// Grows whenever the view changes, so that a closure that ran without the lock knows what it ran on.
    version: u64,
    /// The session ended elsewhere, or its token was replaced: what is done to it is dropped.
    over: bool,
    /// Writes whose answer is not known.
    attempts: Vec<Attempt>,
    /// The moment before which the tokens of a sealed session are, or may be, marked by this request.
    stamp: Option<Timestamp>,
    cookie: Option<CookieChange>,
    /// What the store said last, where that is kept in a cookie for a moment.
    seen: Option<Snapshot>,
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

/// A write that is under way, or whose answer was lost.
#[derive(Debug)]
struct Attempt {
    tag: Tag,
    plan: Plan,
    /// How many of the changes it carries.
    changes: usize,
    /// The data it carries, once the view shows something else.
    data: Option<Data>,
    /// What it writes, where that is kept for a snapshot.
    record: Option<Record>,
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

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    Done,
    /// Call again with randomness: something is to be written.
    Draw,
    /// Apply the changes again, as those of a new session: the one they were made to is over.
    Replay(Replay),
    /// End the session of somebody else, before another one begins.
    End(Delete),
    Touch(Touch),
    Write {
        write: Write,
        tag: Tag,
    },
}

/// What a write, or a new cookie, meant besides changed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Begun,
    SignedIn,
    Rotated,
}

/// Whether a record that has not changed is to be taken up all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Anew,
    IfChanged,
}

/// What there is to be known before the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    None,
    /// What became of this session: load it.
    About(Id),
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

    /// Keeps what the store said, for a snapshot.
    pub(crate) fn with_seen(mut self, seen: Option<Snapshot>) -> Self {
        self.seen = seen;
        self
    }

    /// Notes that the browser has a snapshot.
    pub(crate) fn with_snapshot(mut self, has_snapshot: bool) -> Self {
        self.has_snapshot = has_snapshot;
        self
    }

    /// Whether the browser has a snapshot that must not be presented again.
    pub(crate) fn outdates_snapshot(&self) -> bool {
        self.has_snapshot && (self.outdates_snapshot || self.held.is_none())
    }

    /// What the store said last of the session that is held.
    pub(crate) fn seen(&self) -> Option<(&Snapshot, &Held)> {
        self.seen.as_ref().zip(self.stored())
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
    fn drops_changes(&self) -> bool {
        self.over && !self.signs_in()
    }

    fn signs_in(&self) -> bool {
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

    /// Forgets everything, for a session that was never stored.
    pub(crate) fn forget(&mut self) {
        let (over, head_sent, version) = (self.over, self.head_sent, self.version + 1);
        *self = Self {
            over,
            head_sent,
            version,
            has_snapshot: self.has_snapshot,
            cookie: self.cookie.take(),
            ..Self::default()
        };
    }

    /// Forgets what was not written: after a 5xx. A write that is under way may still be applied.
    pub(crate) fn drop_changes(&mut self) {
        self.changes.clear();
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

    /// Whether nothing is to be done at all: nothing was changed, and neither a touch nor a rotation is due.
    pub(crate) fn is_done(&self, config: &Config, now: Timestamp) -> bool {
        let (held, wanted) = (self.stored(), Wanted::default());
        let settlement = || settle::settle(held, &wanted, &self.rules(config), now, None);
        !self.is_changed() && matches!(settlement(), Settlement::Nothing)
    }

    /// Whether there is no session, and nothing that would begin one.
    pub(crate) fn is_settled(&self) -> bool {
        self.held.is_none() && (self.changes.is_empty() || self.drops_changes())
    }

    pub(crate) fn doubt(&self) -> Doubt {
        self.attempts
            .last()
            .map_or(Doubt::None, |attempt| Doubt::About(attempt.plan.next.token.id))
    }

    /// Decides what to do next, and remembers it until it is known what became of it.
    pub(crate) fn step(&mut self, config: &Config, now: Timestamp, mut fresh: Option<Fresh>) -> Step {
        if self.is_settled() {
            return Step::Done;
        }
        let namespace = || config.namespace.clone();
        let rules = self.rules(config);
        let wanted = self.view.wanted(&self.base, &self.changes);
        if let (None, Some(attempt), Some(fresh)) = (&self.held, self.attempts.last(), &mut fresh) {
            // An attempt to begin a session may still arrive: the next one begins the same, so that at most one
            // of them does. With the same key, too: what wraps it comes from the token, and wraps one key only.
            fresh.token = attempt.plan.next.token.clone();
            if let Some(key) = &attempt.plan.next.key {
                fresh.key = key.key.clone();
            }
        }
        match settle::settle(self.stored(), &wanted, &rules, now, fresh.as_ref()) {
            Settlement::Nothing => Step::Done,
            Settlement::Draw => Step::Draw,
            Settlement::Over => match self.end_elsewhere() {
                Found::Changed(replay) => Step::Replay(replay),
                Found::Unchanged | Found::Over => Step::Done,
            },
            Settlement::End { id, owner } => Step::End(Delete::new(namespace(), id, Owner::Is(owner))),
            Settlement::Touch { last_seen, expires } => match self.stored() {
                Some(Held {
                    token,
                    revision: Some(revision),
                    ..
                }) => Step::Touch(Touch::new(namespace(), token.id, *revision, last_seen, expires)),
                _ => Step::Done,
            },
            Settlement::Write(mut plan) => {
                let tag = plan.next.recent.last();
                let record = config.envelope.seal(&mut plan.next, &self.view.data, plan.nonce);
                let id = plan.next.token.id;
                let mut write = Write::new(namespace(), id, plan.expect, record);
                if plan.signs_in {
                    write = write.with_cap(config.policy.cap, now);
                }
                self.attempts.push(Attempt {
                    tag,
                    plan,
                    changes: self.changes.len(),
                    data: None,
                    record: config.snapshots.as_ref().map(|_| write.record.clone()),
                });
                Step::Write { write, tag }
            }
        }
    }

    /// The session of somebody else, which had to end first, is gone, and with it what was under way to it.
    pub(crate) fn ended_first(&mut self, deleted: Deleted) {
        self.held = None;
        self.seen = None;
        self.base = Data::default();
        self.attempts.clear();
        if deleted == Deleted::Ended {
            self.cookie = Some(CookieChange::Remove);
        }
    }

    /// A write was applied, at this revision.
    pub(crate) fn applied(&mut self, tag: Tag, revision: Revision) -> Effect {
        let Some(at) = self.attempts.iter().position(|attempt| attempt.tag == tag) else {
            return Effect::None;
        };
        let Attempt {
            mut plan,
            changes,
            data,
            record,
            ..
        } = self.attempts.swap_remove(at);
        self.attempts.clear();
        self.over = false;
        plan.next.revision = Some(revision);
        self.hand_out(&plan);
        // Clones of the session may have recorded more while the write was under way: that stays to be done.
        self.changes.drain(..changes);
        self.base = data.unwrap_or_else(|| self.view.data.clone());
        self.view.is_written(plan.next.principal.as_ref(), &self.changes);
        let effect = match plan.expect {
            _ if plan.signs_in => Effect::SignedIn,
            Expect::Absent => Effect::Begun,
            Expect::Revision(_) if plan.new_token => Effect::Rotated,
            Expect::Revision(_) => Effect::None,
        };
        // It was so at the latest when it was decided to write it.
        let taken = plan.next.last_seen;
        let written = |record| Stored::new(revision, record);
        self.outdates_snapshot = true;
        self.seen = record.map(written).map(|stored| Snapshot { taken, stored });
        self.held = Some(Loaded::Stored(plan.next));
        effect
    }

    /// A write was certainly not applied.
    pub(crate) fn refused(&mut self, tag: Tag) -> Doubt {
        self.attempts.retain(|attempt| attempt.tag != tag);
        match (self.doubt(), self.id()) {
            (Doubt::None, Some(id)) => Doubt::About(id),
            // With none held, another session has this id: the next attempt draws another one.
            (doubt, _) => doubt,
        }
    }

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
                let Attempt { plan, changes, .. } = self.attempts.swap_remove(at);
                self.attempts.clear();
                self.hand_out(&plan);
                self.changes.drain(..changes);
                return Ok(Some(Found::Changed(self.rebase(held, data))));
            }
        }
        Ok(None)
    }

    /// Takes up the session as it is now; what is left of the changes has to be applied again.
    fn rebase(&mut self, held: Box<Held>, data: Data) -> Replay {
        self.over = false;
        self.seen = None;
        self.outdates_snapshot = true;
        self.base = data.clone();
        let session = self.held.insert(Loaded::Stored(held));
        Replay {
            from: session.view(data),
            changes: self.changes.clone(),
        }
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
        self.version += 1;
        None
    }

    /// The session is gone, or no longer this token's. A sign-in begins another one, with this request's own
    /// changes and none of the old data; anything else is dropped.
    fn end_elsewhere(&mut self) -> Found {
        if self.signs_in() {
            // Whoever was signed in decides what the sign-in may take along: nothing, if that was somebody else.
            let principal = self.owner();
            self.held = None;
            self.seen = None;
            self.base = Data::default();
            self.attempts.clear();
            self.stamp = None;
            return Found::Changed(Replay {
                from: View::new(Data::default(), principal, None),
                changes: self.changes.clone(),
            });
        }
        self.drop_out();
        Found::Over
    }

    /// The session is over for this request, and so is what it did to it.
    pub(crate) fn drop_out(&mut self) {
        let (head_sent, version, cookie) = (self.head_sent, self.version + 1, self.cookie.take());
        *self = Self {
            over: true,
            head_sent,
            version,
            cookie,
            has_snapshot: self.has_snapshot,
            ..Self::default()
        };
    }

    /// This request ended the session. What comes after begins another one.
    pub(crate) fn end_here(&mut self) {
        let (head_sent, version) = (self.head_sent, self.version + 1);
        *self = Self {
            cookie: Some(CookieChange::Remove),
            head_sent,
            version,
            has_snapshot: self.has_snapshot,
            ..Self::default()
        };
    }

    /// Forgets the writes that are under way, once it is known that none was applied.
    pub(crate) fn give_up(&mut self) {
        self.attempts.clear();
    }

    pub(crate) fn take_cookie(&mut self) -> Option<CookieChange> {
        self.cookie.take()
    }

    pub(crate) fn touched(&mut self, revision: Revision, last_seen: Timestamp, expires: Timestamp) {
        if let Some(Loaded::Stored(held)) = &mut self.held {
            held.revision = Some(revision);
            held.last_seen = last_seen;
            held.expires = expires;
        }
        self.outdates_snapshot = true;
        if let Some(Snapshot { stored, .. }) = &mut self.seen {
            stored.revision = revision;
            stored.record.last_seen = last_seen;
            stored.record.expires = expires;
        }
    }

    fn rules<'a>(&self, config: &'a Config) -> Rules<'a> {
        Rules {
            policy: &config.policy,
            // A rotation nobody can be told of would lock its user out.
            rotate_every: config.policy.rotate_every.filter(|_| !self.head_sent),
            residence: config.residence(),
            window: config.settling_window(),
        }
    }

    fn hand_out(&mut self, plan: &Plan) {
        if plan.new_token {
            let next = &plan.next;
            let lives_for = next.remembered.then(|| next.ends.since(next.last_seen));
            self.cookie = Some(CookieChange::Set {
                token: next.token.clone(),
                lives_for,
            });
        }
    }
}

/// What a session turned out to be when it was read again.
#[derive(Debug)]
pub(crate) enum Found {
    /// As it was.
    Unchanged,
    /// Another state of it. The changes are to be applied again: user code, and so not done under the lock.
    Changed(Replay),
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
