//! Decides what a request does to the store and to the cookie: one pure function.

pub(crate) mod sealed;

use std::time::Duration;

use cloakroom_store::{Expect, Id, Principal, Residence, Timestamp};
use zeroize::Zeroizing;

use crate::held::{Held, Previous, SessionKey, Standing};
use crate::policy::{Lifetime, Policy};
use crate::recent::{Recent, Tag};
use crate::sign_in::CheckedSignIn;
use crate::token::{Secret, Token};

/// How long the old secret stays good once the new one has been seen: requests that left the browser together
/// arrive together.
const GRACE: Duration = Duration::from_secs(10);

/// When the new secret has not been seen for this long while the old one is in use, its response was lost.
const LOST_AFTER: Duration = Duration::from_secs(30);

/// What a request asks of its session, once its changes have been applied to what was loaded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) data: DataChange,
    pub(crate) sign_in: Option<&'a CheckedSignIn>,
    pub(crate) rotate: bool,
    /// Somebody else was signed in: their session ends, and an empty one begins.
    pub(crate) starts_over: bool,
}

/// What happened to the session's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DataChange {
    #[default]
    None,
    /// It was changed, and none is left.
    Emptied,
    Changed,
}

/// What stays the same from request to request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) policy: &'a Policy,
    /// How often a session gets a new secret, when one can be handed out.
    pub(crate) rotate_every: Option<Duration>,
    pub(crate) residence: Residence,
    /// How long a writer may take to find out what became of its write.
    pub(crate) window: Duration,
}

/// What to do to the store and to the cookie.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// Nothing at all.
    Nothing,
    /// Something is to be written, which takes randomness: call again with some. Most requests need none.
    Draw,
    /// The session's time is over. A sign-in begins another one; anything else is dropped.
    Over,
    /// Ends the session, which is somebody else's: call again without it.
    End { id: Id, owner: Option<Principal> },
    /// Moves last seen and the idle expiry forward.
    Touch {
        last_seen: Timestamp,
        expires: Timestamp,
    },
    /// Writes the session.
    Write(Plan),
}

/// A write.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The session as it will be.
    pub(crate) next: Box<Held>,
    pub(crate) expect: Expect,
    /// Whether the token is new, and the response hands it out.
    pub(crate) new_token: bool,
    /// Whether the policy's cap is to be kept to.
    pub(crate) signs_in: bool,
    /// What the data is sealed with, besides the write's tag.
    pub(crate) nonce: [u8; 16],
}

/// Randomness for one write, drawn before it is decided what is needed of it.
#[derive(Debug, Clone)]
pub(crate) struct Fresh {
    pub(crate) token: Token,
    pub(crate) key: Zeroizing<[u8; 32]>,
    pub(crate) tag: Tag,
    pub(crate) nonce: [u8; 16],
}

impl Fresh {
    pub(crate) const LEN: usize = 16 + 32 + 32 + 24;

    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (mut id, mut secret, mut tag, mut nonce) = ([0; 16], Zeroizing::new([0; 32]), [0; 8], [0; 16]);
        let mut key = Zeroizing::new([0; 32]);
        let mut rest = &bytes[..];
        for part in [
            &mut id[..],
            &mut secret[..],
            &mut key[..],
            &mut tag[..],
            &mut nonce[..],
        ] {
            let (taken, after) = rest.split_at(part.len());
            part.copy_from_slice(taken);
            rest = after;
        }
        let token = Token {
            id: Id::from_bytes(id),
            secret: Secret::from_bytes(&secret),
        };
        Self {
            token,
            key,
            tag,
            nonce,
        }
    }
}

/// Decides what a request does to the store and to the cookie, from what it saw and what it wants.
///
/// No I/O, no clock, no randomness of its own.
pub(crate) fn settle(
    held: Option<&Held>,
    wanted: &Wanted<'_>,
    rules: &Rules<'_>,
    now: Timestamp,
    fresh: Option<&Fresh>,
) -> Settlement {
    match held {
        Some(held) if now >= held.expires => settle_expired(wanted),
        Some(held) if wanted.starts_over => Settlement::End {
            id: held.token.id,
            owner: held.principal.clone(),
        },
        Some(held) => settle_live(held, wanted, rules, now, fresh),
        None if wanted.sign_in.is_some() || wanted.data == DataChange::Changed => match fresh {
            Some(fresh) => Settlement::Write(begin(wanted, rules, now, fresh)),
            None => Settlement::Draw,
        },
        None => Settlement::Nothing,
    }
}

/// Whether the secret before the newest is still good.
pub(crate) fn in_grace(previous: &Previous, now: Timestamp) -> bool {
    previous
        .newest_seen
        .is_none_or(|seen| now < seen.saturating_add(GRACE))
}

/// It expired while the request ran: nothing brings it back.
fn settle_expired(wanted: &Wanted<'_>) -> Settlement {
    if wanted.sign_in.is_none() && !wanted.rotate && wanted.data == DataChange::None {
        Settlement::Nothing
    } else {
        Settlement::Over
    }
}

fn settle_live(
    held: &Held,
    wanted: &Wanted<'_>,
    rules: &Rules<'_>,
    now: Timestamp,
    fresh: Option<&Fresh>,
) -> Settlement {
    let rotation_is_due = rotation_is_due(held, rules, now);
    let marks_newest_seen = held.standing == Standing::Newest
        && held
            .previous
            .as_ref()
            .is_some_and(|previous| previous.newest_seen.is_none());
    let writes = wanted.sign_in.is_some()
        || wanted.rotate
        || wanted.data != DataChange::None
        || rotation_is_due
        || marks_newest_seen;
    if !writes {
        return if held.lifetime.touch_is_due(held.last_seen, now) {
            Settlement::Touch {
                last_seen: now,
                expires: held.lifetime.expires(now, held.ends),
            }
        } else {
            Settlement::Nothing
        };
    }

    let Some(fresh) = fresh else {
        return Settlement::Draw;
    };
    let mut next = Box::new(held.clone());
    next.recent = held
        .recent
        .followed_by(fresh.tag, held.last_seen, now, rules.window);
    let new_token = wanted.sign_in.is_some() || wanted.rotate || rotation_is_due;
    if new_token {
        next.token = Token {
            id: held.token.id,
            secret: fresh.token.secret.clone(),
        };
        next.rotated = now;
        next.verifier = None;
        next.standing = Standing::Newest;
    }
    if let Some(sign_in) = wanted.sign_in {
        (next.lifetime, next.remembered) = rules.policy.lifetime_for(sign_in.remember);
        next.principal = Some(sign_in.principal.clone());
        next.label = sign_in.label.clone().or(next.label);
        next.created = now;
        next.ends = now.saturating_add(next.lifetime.absolute());
    }
    if wanted.sign_in.is_some() || wanted.rotate {
        // No grace: the old token is dead for everyone, and what it could open stays unopened.
        next.previous = None;
        next.key = session_key(rules, fresh);
    } else if rotation_is_due {
        next.previous = rotated(held).map(Box::new);
        if let Some(key) = &mut next.key {
            key.wrapped = None;
        }
    } else if let (true, Some(previous)) = (marks_newest_seen, &mut next.previous) {
        previous.newest_seen = Some(now);
    }
    // Only ever forward, as a touch: a node whose clock is behind ends the session for nobody else.
    next.last_seen = now.max(held.last_seen);
    next.expires = next.lifetime.expires(next.last_seen, next.ends);
    let expect = held.revision.map_or(Expect::Absent, Expect::Revision);
    let signs_in = wanted.sign_in.is_some();
    Settlement::Write(Plan {
        next,
        expect,
        new_token,
        signs_in,
        nonce: fresh.nonce,
    })
}

fn begin(wanted: &Wanted<'_>, rules: &Rules<'_>, now: Timestamp, fresh: &Fresh) -> Plan {
    let (lifetime, remembered) = lifetime_of(wanted, rules.policy);
    let ends = now.saturating_add(lifetime.absolute());
    let next = Held {
        token: fresh.token.clone(),
        revision: None,
        principal: wanted.sign_in.map(|sign_in| sign_in.principal.clone()),
        created: now,
        last_seen: now,
        expires: lifetime.expires(now, ends),
        label: wanted.sign_in.and_then(|sign_in| sign_in.label.clone()),
        lifetime,
        remembered,
        ends,
        rotated: now,
        verifier: None,
        standing: Standing::Newest,
        previous: None,
        recent: Recent::new(fresh.tag, &[]),
        key: session_key(rules, fresh),
    };
    let signs_in = wanted.sign_in.is_some();
    Plan {
        next: Box::new(next),
        expect: Expect::Absent,
        new_token: true,
        signs_in,
        nonce: fresh.nonce,
    }
}

/// How long a session lives that begins, and whether its cookie outlives the browser.
fn lifetime_of(wanted: &Wanted<'_>, policy: &Policy) -> (Lifetime, bool) {
    match wanted.sign_in {
        Some(sign_in) => policy.lifetime_for(sign_in.remember),
        None => (policy.anonymous_lifetime(), false),
    }
}

/// Encrypting gives nothing inside one process.
fn session_key(rules: &Rules<'_>, fresh: &Fresh) -> Option<SessionKey> {
    match rules.residence {
        Residence::Process => None,
        Residence::Elsewhere => Some(SessionKey {
            key: fresh.key.clone(),
            wrapped: None,
        }),
    }
}

fn rotation_is_due(held: &Held, rules: &Rules<'_>, now: Timestamp) -> bool {
    let Some(period) = rules.rotate_every else {
        return false;
    };
    let since = now.since(held.rotated);
    match (held.standing, &held.previous) {
        (Standing::Newest, _) => since >= period,
        (Standing::Previous, Some(previous)) => previous.newest_seen.is_none() && since >= LOST_AFTER,
        (Standing::Previous, None) => false,
    }
}

/// The secret that was presented, as the one before the newest.
fn rotated(held: &Held) -> Option<Previous> {
    let (verifier, wrapped) = match held.standing {
        Standing::Newest => (held.verifier?, held.key.as_ref().and_then(|key| key.wrapped)),
        Standing::Previous => held
            .previous
            .as_ref()
            .map(|previous| (previous.verifier, previous.wrapped))?,
    };
    Some(Previous {
        verifier,
        newest_seen: None,
        wrapped,
    })
}

#[cfg(test)]
mod tests;
