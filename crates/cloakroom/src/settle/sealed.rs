//! Decides what a request does to a sealed session: one pure function, beside the one for stored sessions.

use std::time::Duration;

use cloakroom_store::{Id, Timestamp};

use super::{DataChange, Wanted, lifetime_of};
use crate::claims::Claims;
use crate::policy::{self, Policy};

/// What to do to a sealed session.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// Nothing at all: the cookie stays as it is.
    Nothing,
    /// A session is to begin, which takes an id: call again with one.
    Draw,
    /// The session's time is over. A sign-in begins another one; anything else is dropped.
    Over,
    /// Ends the session, which is somebody else's: call again without it.
    End,
    /// Seals the session anew.
    Seal(Plan),
}

/// What is sealed anew, and what there is to be done before.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The session as it will be. That of a sign-in is still to be stamped above the marks there are.
    pub(crate) next: Box<Claims>,
    pub(crate) meaning: Meaning,
    /// When the tokens end that are to be marked: those the session got before `next.rotated`.
    pub(crate) supersedes: Option<Timestamp>,
}

/// What it means that a session is sealed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It was changed, or seen.
    Changed,
    Begins,
    SignsIn,
    Rotates,
}

/// Decides what a request does to a sealed session, from what it saw and what it wants.
///
/// No I/O, no clock, no randomness of its own.
pub(crate) fn settle(
    held: Option<&Claims>,
    wanted: &Wanted<'_>,
    policy: &Policy,
    now: Timestamp,
    id: Option<Id>,
) -> Settlement {
    let wants = wanted.sign_in.is_some() || wanted.rotate || wanted.data != DataChange::None;
    match held {
        // It expired while the request ran: nothing brings it back.
        Some(held) if now >= held.expires() => {
            if wants {
                Settlement::Over
            } else {
                Settlement::Nothing
            }
        }
        Some(_) if wanted.starts_over => Settlement::End,
        Some(held) if wants || policy::touch_is_due(held.idle, held.seen, now) => {
            Settlement::Seal(go_on(held, wanted, policy, now))
        }
        None if wanted.sign_in.is_some() || wanted.data == DataChange::Changed => match id {
            Some(id) => Settlement::Seal(begin(id, wanted, policy, now)),
            None => Settlement::Draw,
        },
        Some(_) | None => Settlement::Nothing,
    }
}

fn go_on(held: &Claims, wanted: &Wanted<'_>, policy: &Policy, now: Timestamp) -> Plan {
    let mut next = Box::new(held.clone());
    // Only ever forward: a node whose clock is behind ends the session for nobody else.
    next.seen = now.max(held.seen);
    let rotates = wanted.sign_in.is_some() || wanted.rotate;
    if rotates {
        // Later than any token it had, also where the node that gave the last one has a faster clock. The moment right
        // after that one is left for its sign-out.
        next.rotated = now.max(held.rotated.saturating_add(Duration::from_millis(2)));
    }
    if let Some(sign_in) = wanted.sign_in {
        let (lifetime, remembered) = policy.lifetime_for(sign_in.remember);
        next.principal = Some(sign_in.principal.clone());
        next.label = sign_in.label.clone().or(next.label);
        next.begun = now;
        next.ends = now.saturating_add(lifetime.absolute());
        next.idle = lifetime.idle();
        next.remembered = remembered;
    }
    let meaning = match (wanted.sign_in, wanted.rotate) {
        (Some(_), _) => Meaning::SignsIn,
        (None, true) => Meaning::Rotates,
        (None, false) => Meaning::Changed,
    };
    // For as long as either token could be shown: who signs out with the old one ends what the new one is of.
    let supersedes = rotates.then(|| held.ends.max(next.ends));
    Plan {
        next,
        meaning,
        supersedes,
    }
}

fn begin(id: Id, wanted: &Wanted<'_>, policy: &Policy, now: Timestamp) -> Plan {
    let sign_in = wanted.sign_in;
    let (lifetime, remembered) = lifetime_of(wanted, policy);
    let next = Claims {
        id,
        principal: sign_in.map(|sign_in| sign_in.principal.clone()),
        begun: now,
        rotated: now,
        seen: now,
        ends: now.saturating_add(lifetime.absolute()),
        idle: lifetime.idle(),
        remembered,
        label: sign_in.and_then(|sign_in| sign_in.label.clone()),
    };
    Plan {
        next: Box::new(next),
        meaning: match sign_in {
            Some(_) => Meaning::SignsIn,
            None => Meaning::Begins,
        },
        supersedes: None,
    }
}

#[cfg(test)]
mod tests;
