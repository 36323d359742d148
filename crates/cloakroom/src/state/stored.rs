//! What a request knows of a stored session and of the writes under way to it: decided here, carried out elsewhere.

use cloakroom_store::{Delete, Expect, Id, Owner, Principal, Revision, Timestamp, Touch, Write};

use super::{CookieChange, Effect, Found, Loaded, Replay, State};
use crate::config::Config;
use crate::data::Data;
use crate::held::Held;
use crate::recent::Tag;
use crate::settle::{self, Fresh, Plan, Rules, Settlement, Wanted};
use crate::token::Token;

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

/// What there is to be known before the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    None,
    /// What became of this session: load it.
    About(Id),
}

impl State {
    /// Notes that the store was asked at this moment.
    pub(crate) fn seen_at(mut self, moment: Timestamp) -> Self {
        self.seen = Some(moment);
        self
    }

    /// Notes that this comes from a copy of what the store has.
    pub(crate) fn copied(mut self) -> Self {
        self.is_copy = true;
        self
    }

    /// Whether the store may know more than this.
    pub(crate) fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// The token that the session has now, and since when.
    pub(crate) fn token(&self) -> Option<(&Token, Timestamp)> {
        self.stored().map(|held| (&held.token, held.rotated))
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

    /// The session and its data as the store has them, and when it was asked; `None` where that was not this request.
    pub(crate) fn seen(&self) -> Option<(Timestamp, &Held, &Data)> {
        Some((self.seen?, self.stored()?, &self.base))
    }

    /// Whether nothing is to be done at all: nothing was changed, and neither a touch nor a rotation is due.
    pub(crate) fn is_done(&self, config: &Config, now: Timestamp) -> bool {
        let (held, wanted) = (self.stored(), Wanted::default());
        let settlement = || settle::settle(held, &wanted, &self.rules(config), now, None);
        !self.is_changed() && matches!(settlement(), Settlement::Nothing)
    }

    pub(crate) fn doubt(&self) -> Doubt {
        self.attempts
            .last()
            .map_or(Doubt::None, |attempt| Doubt::About(attempt.plan.next.token.id))
    }

    /// Whose sign-in is under way, or was when no answer came.
    pub(crate) fn signing_in(&self) -> Option<&Principal> {
        let attempt = self.attempts.iter().find(|attempt| attempt.plan.signs_in)?;
        attempt.plan.next.principal.as_ref()
    }

    /// Decides what to do next, and remembers it until it is known what became of it.
    pub(crate) fn step(&mut self, config: &Config, now: Timestamp, mut fresh: Option<Fresh>) -> Step {
        if self.is_settled() {
            return Step::Done;
        }
        if let Some(replay) = self.still_unapplied() {
            return Step::Replay(replay);
        }
        if let (Some(_), Some(_), Some(Loaded::Stored(held))) = (&fresh, &config.snapshots, &mut self.held) {
            // A session that was opened from a snapshot lacks what it takes to write it.
            config.envelope.complete(held);
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
        let settlement = match self.stored() {
            // A sign-in would take it along, past what removes it.
            Some(held) if self.is_changed() && config.everyone.ends(held.created) => Settlement::Over,
            held => settle::settle(held, &wanted, &rules, now, fresh.as_ref()),
        };
        match settlement {
            Settlement::Nothing => Step::Done,
            Settlement::Draw => Step::Draw,
            Settlement::Over => match self.end_elsewhere() {
                Found::Changed(replay) => Step::Replay(replay),
                Found::Unchanged | Found::Written(..) | Found::Over => Step::Done,
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
                    at: now,
                    plan,
                    changes: self.changes.len(),
                    data: None,
                });
                Step::Write { write, tag }
            }
        }
    }

    /// A write was applied, at this revision.
    pub(crate) fn applied(&mut self, tag: Tag, revision: Revision) -> Effect {
        let Some(at) = self.attempts.iter().position(|attempt| attempt.tag == tag) else {
            return Effect::None;
        };
        let Attempt {
            at: decided,
            mut plan,
            changes,
            data,
            ..
        } = self.attempts.swap_remove(at);
        self.attempts.clear();
        self.over = false;
        self.is_copy = false;
        plan.next.revision = Some(revision);
        self.hand_out(&plan, decided);
        // Clones of the session may have recorded more while the write was under way: that stays to be done.
        self.changes.drain(..changes);
        self.base = data.unwrap_or_else(|| self.view.data.clone());
        self.view.is_written(plan.next.principal.as_ref(), &self.changes);
        let effect = effect_of(&plan);
        self.outdates_snapshot = true;
        // It was so at the latest when it was decided to write it.
        self.seen = Some(decided);
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

    pub(crate) fn touched(&mut self, revision: Revision, last_seen: Timestamp, expires: Timestamp) {
        if let Some(Loaded::Stored(held)) = &mut self.held {
            held.revision = Some(revision);
            held.last_seen = last_seen;
            held.expires = expires;
        }
        self.outdates_snapshot = true;
        // It had the revision that it was touched at, and so the rest is as it was.
        self.seen = Some(last_seen);
    }

    /// Forgets the writes that are under way, once it is known that none was applied.
    pub(crate) fn give_up(&mut self) {
        self.attempts.clear();
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

    pub(super) fn hand_out(&mut self, plan: &Plan, now: Timestamp) {
        if plan.new_token {
            let next = &plan.next;
            let lives_for = next.remembered.then(|| next.ends.since(now));
            self.cookie = Some(CookieChange::Set {
                token: next.token.clone(),
                lives_for,
            });
        }
    }
}

/// What a write means besides changed data.
pub(super) fn effect_of(plan: &Plan) -> Effect {
    match plan.expect {
        Expect::Absent if plan.signs_in => Effect::BegunSignedIn,
        Expect::Absent => Effect::Begun,
        Expect::Revision(_) if plan.signs_in => Effect::SignedIn,
        Expect::Revision(_) if plan.new_token => Effect::Rotated,
        Expect::Revision(_) => Effect::None,
    }
}

/// A write that is under way, or whose answer was lost.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) tag: Tag,
    /// When it was decided, by the clock of this node.
    pub(super) at: Timestamp,
    pub(super) plan: Plan,
    /// How many of the changes it carries.
    pub(super) changes: usize,
    /// The data it carries, once the view shows something else.
    pub(super) data: Option<Data>,
}
