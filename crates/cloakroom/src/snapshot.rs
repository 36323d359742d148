//! Snapshots: a session as the store had it a moment ago, sealed into a second cookie.
//!
//! ```text
//! base64url( version 1 · server key 8 · nonce 16 · AES-256-GCM( session ) · tag 16 )
//! ```
//!
//! The key is derived from the server's key, the token and the nonce: each seals one message, and only a request that
//! comes with the token opens it. So one that a slow response brings after a sign-in is nobody's. What is sealed is the
//! session as it was when it had opened, and not its record: opening that once more would cost as much as all the rest.

mod layout;

use std::time::Duration;

use cloakroom_store::Timestamp;

use crate::base64url;
use crate::cookie::Cookie;
use crate::data::Data;
use crate::held::{Held, Standing};
use crate::keyring::{Found, KeyId, KeyRing};
use crate::policy::{Policy, SKEW};
use crate::seal::{self, TAG_LEN};
use crate::sealed_cookie::assertion;
use crate::token::Token;

const VERSION: u8 = 1;

/// What the value is for.
const PURPOSE: &str = "snapshot";

/// Version and key.
const HEADER: usize = 1 + KeyId::LEN;

/// How much randomness a snapshot takes.
pub(crate) const NONCE_LEN: usize = 16;

/// What it takes to seal snapshots and to open them: the same for all requests.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    keys: KeyRing,
    /// How long one is good for at most.
    fresh_for: Duration,
    cookie: Cookie,
    /// Which application's, in which cookie: authenticated along with each.
    purpose: [u8; 32],
}

/// A session as the store had it, and when it was asked.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) taken: Timestamp,
    /// The key that the session's own is under in the store.
    pub(crate) server_key: KeyId,
    pub(crate) held: Box<Held>,
    pub(crate) data: Data,
}

impl Snapshots {
    pub(crate) fn new(keys: KeyRing, fresh_for: Duration, application: &str, cookie: &Cookie) -> Self {
        let cookie = cookie.beside("-snapshot");
        Self {
            purpose: seal::snapshot_purpose(&assertion(PURPOSE, application, cookie.name())),
            keys,
            fresh_for,
            cookie,
        }
    }

    /// The same, for another application or cookie.
    pub(crate) fn of(&self, application: &str, cookie: &Cookie) -> Self {
        Self::new(self.keys.clone(), self.fresh_for, application, cookie)
    }

    /// The cookie that holds them.
    pub(crate) fn cookie(&self) -> &Cookie {
        &self.cookie
    }

    /// How long after it was taken any of them could be presented.
    pub(crate) fn presentable_for(&self) -> Duration {
        self.fresh_for(Policy::LONGEST) + SKEW
    }

    /// How long one of a session with this idle timeout is good for: as a touch, within a twentieth of it.
    pub(crate) fn fresh_for(&self, idle: Duration) -> Duration {
        self.fresh_for.min(idle / 20)
    }

    /// The value of the cookie, for who has the session's token: of it as it was stored at this moment.
    ///
    /// `None` where there is no room for it, and for who comes with the token from before a periodic rotation: that is
    /// good for seconds, and the store knows for how many.
    pub(crate) fn seal(
        &self,
        taken: Timestamp,
        held: &Held,
        data: &Data,
        nonce: &[u8; NONCE_LEN],
    ) -> Option<String> {
        if held.standing == Standing::Previous {
            return None;
        }
        let active = self.keys.active();
        let mut value = Vec::with_capacity(HEADER + NONCE_LEN + layout::MAX_LEN + data.as_bytes().len());
        value.push(VERSION);
        value.extend_from_slice(active.key().id().as_bytes());
        value.extend_from_slice(nonce);
        layout::write(&mut value, taken, held, data)?;
        let length = base64url::encoded_len(value.len() + TAG_LEN);
        if length + self.cookie.name().len() > Cookie::MAX_LEN {
            return None;
        }
        let token = &held.token;
        let root = active.for_snapshots(seal::snapshot_root);
        let key = seal::snapshot_key(root, token.id, &token.secret, nonce);
        seal::seal(&key, &self.purpose, &mut value, HEADER + NONCE_LEN);
        active.count_sealed();
        Some(base64url::text(&value))
    }

    /// What a value says to who has this token; `None` for anything that was not sealed here for them. The store knows
    /// better in any case, so there is no difference in why.
    pub(crate) fn open(&self, text: &[u8], token: &Token) -> Option<Snapshot> {
        if text.len() > Cookie::MAX_LEN {
            return None;
        }
        let mut value = base64url::bytes(text)?;
        let (header, rest) = value.split_first_chunk_mut::<HEADER>()?;
        let (nonce, sealed) = rest.split_first_chunk_mut()?;
        let [VERSION, id @ ..] = *header else {
            return None;
        };
        let Found::Opens(key) = self.keys.find(KeyId::from_bytes(id)) else {
            return None;
        };
        let root = key.for_snapshots(seal::snapshot_root);
        let opening = seal::snapshot_key(root, token.id, &token.secret, nonce);
        let opened = seal::open(&opening, &self.purpose, sealed)?;
        key.count_opened();
        let snapshot = layout::read(opened, token);
        layout::wipe(opened);
        snapshot
    }
}

/// Reads what has been opened, for the fuzz target.
#[cfg(fuzzing)]
pub(crate) fn read(bytes: &[u8], token: &Token) {
    let _snapshot = layout::read(bytes, token);
}

#[cfg(test)]
mod tests;
