//! What a request knows of a sealed session: decided here, carried out elsewhere.

use cloakroom_store::{Id, Timestamp};

use super::{CookieChange, Effect, Found, Loaded, Replay, State};
use crate::claims::Claims;
use crate::config::Config;
use crate::data::Data;
use crate::revocations::Verdict;
use crate::settle::sealed::{self, Meaning, Plan, Settlement};

/// What to do next with a sealed session.
#[derive(Debug)]
pub(crate) enum SealedStep {
    Done,
    /// Call again with an id: a session is to begin.
    Draw,
    /// Apply the changes again, as those of a new session: the one they were made to is over.
    Replay(Replay),
    /// What was done to this session is dropped: it is over.
    Dropped(Id),
    /// End the session of somebody else, before another one begins.
    End(Box<Claims>),
    /// Seal the session, once the marks are set and read that this takes.
    Seal(Pending),
}

/// A session to be sealed anew, and how much of what the request did it carries.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) plan: Plan,
    changes: usize,
    data: Data,
}

impl Pending {
    /// Whether there is nothing to be done before: neither a mark to be read, nor one to be set.
    pub(crate) fn is_free(&self) -> bool {
        self.plan.supersedes.is_none() && self.plan.meaning != Meaning::SignsIn
    }
}

impl State {
    /// The sealed session, as its cookie will say.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        match &self.held {
            Some(Loaded::Sealed(claims)) => Some(claims),
            Some(Loaded::Stored(_)) | None => None,
        }
    }

    /// What the cookie will hold, as far as it is settled.
    pub(crate) fn settled_data(&self) -> &Data {
        &self.base
    }

    /// Since when the session's token counts: also while it is not known whether a mark of this request arrived.
    pub(crate) fn rotated(&self) -> Option<Timestamp> {
        let rotated = self.claims()?.rotated;
        Some(self.stamp.map_or(rotated, |stamp| stamp.max(rotated)))
    }

    /// Whether the session still counts, as far as this node knows.
    pub(crate) fn counts(&self, config: &Config) -> bool {
        match (&config.sealed, self.claims(), self.rotated()) {
            (Some(sealed), Some(claims), Some(rotated)) => sealed.verdict(claims, rotated) == Verdict::Counts,
            _ => true,
        }
    }

    /// Whether a session is to begin, which takes an id.
    pub(crate) fn begins(&self) -> bool {
        self.held.is_none() && !self.is_settled()
    }

    /// Decides what to do next with a sealed session. Changes nothing but what is over.
    pub(crate) fn sealed_step(&mut self, config: &Config, now: Timestamp, id: Option<Id>) -> SealedStep {
        if self.is_settled() {
            return SealedStep::Done;
        }
        if let Some(replay) = self.still_unapplied() {
            return SealedStep::Replay(replay);
        }
        if self.is_changed() && !self.counts(config) {
            return self.is_over();
        }
        match self.sealed_settlement(config, now, id) {
            // Whom nobody can be told about any more: a touch.
            Settlement::Seal(plan)
                if self.head_sent && plan.meaning == Meaning::Changed && !self.is_changed() =>
            {
                SealedStep::Done
            }
            Settlement::Nothing => SealedStep::Done,
            Settlement::Draw => SealedStep::Draw,
            Settlement::Over => self.is_over(),
            Settlement::End => match &self.held {
                Some(Loaded::Sealed(claims)) => SealedStep::End(claims.clone()),
                Some(Loaded::Stored(_)) | None => SealedStep::Done,
            },
            Settlement::Seal(plan) => SealedStep::Seal(self.pending(plan)),
        }
    }

    /// Settles a sealed session if that takes no mark, as for most requests.
    pub(crate) fn sealed_at_once(
        &mut self,
        config: &Config,
        now: Timestamp,
        id: Option<Id>,
    ) -> Option<Effect> {
        if self.is_settled() {
            return Some(Effect::None);
        }
        if self.unapplied.is_some() || self.is_changed() && !self.counts(config) {
            return None;
        }
        match self.sealed_settlement(config, now, id) {
            Settlement::Nothing => Some(Effect::None),
            Settlement::Seal(plan) => {
                let pending = self.pending(plan);
                pending.is_free().then(|| self.take_up(pending))
            }
            Settlement::Draw | Settlement::Over | Settlement::End => None,
        }
    }

    fn sealed_settlement(&self, config: &Config, now: Timestamp, id: Option<Id>) -> Settlement {
        let wanted = self.view.wanted(&self.base, &self.changes);
        let mut settlement = sealed::settle(self.claims(), &wanted, &config.policy, now, id);
        if let (Settlement::Seal(plan), Some(stamp)) = (&mut settlement, self.stamp)
            && plan.supersedes.is_some()
        {
            // Its mark may have arrived: the same again moves nothing.
            plan.next.rotated = stamp;
        }
        if let (Settlement::Seal(plan), Some(sealed)) = (&mut settlement, &config.sealed)
            && plan.meaning == Meaning::Begins
        {
            // The mark that has ended everyone's sessions lies in the future, and this one comes after it.
            plan.next.begun = plan.next.begun.max(sealed.everyones_moment());
        }
        settlement
    }

    fn pending(&self, plan: Plan) -> Pending {
        Pending {
            plan,
            changes: self.changes.len(),
            data: self.view.data.clone(),
        }
    }

    /// The tokens a session had before this moment are about to be marked.
    pub(crate) fn stamps(&mut self, moment: Timestamp) {
        self.stamp = Some(moment);
    }

    /// The session is as it was to be; its cookie is sealed at the end of the request.
    pub(crate) fn take_up(&mut self, pending: Pending) -> Effect {
        let Pending { plan, changes, data } = pending;
        self.over = false;
        self.stamp = None;
        // Clones of the session may have recorded more meanwhile: that stays to be done.
        self.changes.drain(..changes);
        self.base = data;
        self.view.is_written(plan.next.principal.as_ref(), &self.changes);
        self.held = Some(Loaded::Sealed(plan.next));
        self.cookie = Some(CookieChange::Seal);
        match (plan.meaning, plan.supersedes) {
            (Meaning::Changed, _) => Effect::None,
            (Meaning::Begins, _) => Effect::Begun,
            (Meaning::SignsIn, None) => Effect::BegunSignedIn,
            (Meaning::SignsIn, Some(_)) => Effect::SignedIn,
            (Meaning::Rotates, _) => Effect::Rotated,
        }
    }

    /// The session turned out to be over, or to have another token.
    pub(crate) fn is_over(&mut self) -> SealedStep {
        let id = self.id();
        match (self.end_elsewhere(), id) {
            (Found::Changed(replay), _) => SealedStep::Replay(replay),
            (_, Some(id)) => SealedStep::Dropped(id),
            (_, None) => SealedStep::Done,
        }
    }

    /// All other sessions of who is signed in are marked: this one is stamped at the mark, and its cookie sealed anew.
    pub(crate) fn stay(&mut self, begun: Timestamp, rotated: Timestamp, now: Timestamp) {
        if let Some(Loaded::Sealed(claims)) = &mut self.held {
            claims.begun = begun;
            claims.rotated = rotated;
            claims.seen = now.max(claims.seen);
            // Later than what this request may have set a mark for.
            self.stamp = None;
            self.cookie = Some(CookieChange::Seal);
        }
    }

    /// Hands out the token that a mark of this request was set for, where it is not known whether that arrived: the one from
    /// before may be dead, and this one counts in either case. So also after a 5xx, and where no answer came.
    pub(crate) fn keep_stamp(&mut self) {
        if let (Some(stamp), Some(Loaded::Sealed(claims))) = (self.stamp, &mut self.held) {
            claims.rotated = claims.rotated.max(stamp);
            self.cookie = Some(CookieChange::Seal);
        }
    }
}
