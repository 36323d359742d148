//! A session as one request holds it: what its record says, with the secret that opened it.

use cloakroom_store::{Label, Principal, Revision, Timestamp};

use crate::keyring::KeyId;
use crate::policy::Lifetime;
use crate::recent::Recent;
use crate::seal::{SealingKey, Verifier};
use crate::token::Token;

/// A session as one request holds it, its data aside.
///
/// The same type says what was found and what is to be written, so that what is not changed cannot be lost.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// The token that was presented, or that will be handed out.
    pub(crate) token: Token,
    /// What a write must expect; `None` while nothing is stored.
    pub(crate) revision: Option<Revision>,
    pub(crate) principal: Option<Principal>,
    pub(crate) created: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) label: Option<Label>,
    pub(crate) lifetime: Lifetime,
    /// Whether the cookie outlives the browser.
    pub(crate) remembered: bool,
    /// When it ends whatever happens.
    pub(crate) ends: Timestamp,
    /// When it got its newest secret.
    pub(crate) rotated: Timestamp,
    /// The verifier of the newest secret; `None` when that is the token's and has not been derived yet.
    pub(crate) verifier: Option<Verifier>,
    /// Which of its secrets the token has.
    pub(crate) standing: Standing,
    /// The secret before the newest, after a periodic rotation: few have one.
    pub(crate) previous: Option<Box<Previous>>,
    /// The writes that a lost answer may be about.
    pub(crate) recent: Recent,
    /// The session's key; `None` where records do not leave the process.
    pub(crate) key: Option<SessionKey>,
}

/// Which of a session's secrets a token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Newest,
    /// The one before the last periodic rotation, in its grace.
    Previous,
}

/// The secret before the newest one.
#[derive(Debug, Clone)]
pub(crate) struct Previous {
    pub(crate) verifier: Verifier,
    /// When the newest secret was first presented; `None` while its response may be lost.
    pub(crate) newest_seen: Option<Timestamp>,
    pub(crate) wrapped: Option<Wrapped>,
}

/// The key that a session's data is sealed under, drawn at every sign-in.
#[derive(Debug, Clone)]
pub(crate) struct SessionKey {
    pub(crate) key: SealingKey,
    /// It under the newest secret; `None` when it is still to be wrapped under the token's.
    pub(crate) wrapped: Option<Wrapped>,
}

/// A session key that only its secret, and the named server key, can unwrap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wrapped {
    pub(crate) server_key: KeyId,
    pub(crate) sealed: [u8; Wrapped::LEN],
}

impl Wrapped {
    pub(crate) const LEN: usize = 32;
}
