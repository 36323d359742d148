//! The bytes of a session in a snapshot, version 1.
//!
//! ```text
//! flags 1 · sealed (flag): session key 32 · server key 8
//! taken 8 · revision 8 · created 8 · last seen 8 · expires 8 · ends 8 · rotated 8 · idle 4 · absolute 4
//! tag 8 · earlier tags 1 + 12 each · principal 1 + n · label (flag): 1 + n
//! previous (flag):  verifier 32 · newest seen 8 · [sealed: server key 8 · wrapped 32]
//! data
//! ```
//!
//! Integers are little endian, moments milliseconds, timeouts seconds. What can be derived from the token is not there:
//! its verifier, and the session key as it is wrapped in the store.

use cloakroom_store::{Label, Principal, Revision, Timestamp};
use zeroize::{Zeroize as _, Zeroizing};

use super::Snapshot;
use crate::data::Data;
use crate::held::{Held, Previous, SessionKey, Standing, Wrapped};
use crate::keyring::KeyId;
use crate::policy::Lifetime;
use crate::recent::Recent;
use crate::seal::Verifier;
use crate::token::Token;

const REMEMBERED: u8 = 1;
const SEALED: u8 = 2;
const HAS_PREVIOUS: u8 = 4;
const HAS_LABEL: u8 = 8;

/// More than a session takes, the data aside.
pub(super) const MAX_LEN: usize = 1024 + Recent::MAX * Recent::ENTRY;

/// Appends a session that is stored; `None` where it is not.
pub(super) fn write(bytes: &mut Vec<u8>, taken: Timestamp, held: &Held, data: &Data) -> Option<()> {
    let flag = |flag: u8, is_set: bool| if is_set { flag } else { 0 };
    bytes.push(
        flag(REMEMBERED, held.remembered)
            | flag(SEALED, held.key.is_some())
            | flag(HAS_PREVIOUS, held.previous.is_some())
            | flag(HAS_LABEL, held.label.is_some()),
    );
    if let Some(SessionKey { key, wrapped }) = &held.key {
        bytes.extend_from_slice(&key[..]);
        bytes.extend_from_slice(wrapped.as_ref()?.server_key.as_bytes());
    }
    push_moment(bytes, taken);
    bytes.extend_from_slice(&held.revision?.value().to_le_bytes());
    for moment in [
        held.created,
        held.last_seen,
        held.expires,
        held.ends,
        held.rotated,
    ] {
        push_moment(bytes, moment);
    }
    let (idle, absolute) = held.lifetime.to_seconds();
    bytes.extend_from_slice(&idle.to_le_bytes());
    bytes.extend_from_slice(&absolute.to_le_bytes());
    bytes.extend_from_slice(&held.recent.last());
    let earlier = held.recent.earlier();
    bytes.push((earlier.len() / Recent::ENTRY) as u8);
    bytes.extend_from_slice(earlier);
    push_text(bytes, held.principal.as_ref().map_or("", Principal::as_str));
    if let Some(label) = &held.label {
        push_text(bytes, label.as_str());
    }
    if let Some(previous) = &held.previous {
        bytes.extend_from_slice(&previous.verifier.0);
        push_moment(
            bytes,
            previous.newest_seen.unwrap_or(Timestamp::from_unix_millis(0)),
        );
        if held.key.is_some() {
            let wrapped = previous.wrapped.as_ref()?;
            bytes.extend_from_slice(wrapped.server_key.as_bytes());
            bytes.extend_from_slice(&wrapped.sealed);
        }
    }
    bytes.extend_from_slice(data.as_bytes());
    Some(())
}

/// Reads what [`write`] wrote, for who has this token.
pub(super) fn read(bytes: &[u8], token: &Token) -> Option<Snapshot> {
    let mut rest = bytes;
    let [flags] = *take::<1>(&mut rest)?;
    let has = |flag: u8| flags & flag != 0;
    let (server_key, key) = match has(SEALED) {
        true => {
            let key = Zeroizing::new(*take(&mut rest)?);
            let server_key = KeyId::from_bytes(*take(&mut rest)?);
            (server_key, Some(SessionKey { key, wrapped: None }))
        }
        false => (KeyId::NONE, None),
    };
    let taken = moment(&mut rest)?;
    let revision = Revision::new(u64::from_le_bytes(*take(&mut rest)?));
    let (created, last_seen) = (moment(&mut rest)?, moment(&mut rest)?);
    let (expires, ends, rotated) = (moment(&mut rest)?, moment(&mut rest)?, moment(&mut rest)?);
    let idle = u32::from_le_bytes(*take(&mut rest)?);
    let absolute = u32::from_le_bytes(*take(&mut rest)?);
    let tag = *take(&mut rest)?;
    let [earlier] = *take::<1>(&mut rest)?;
    let (earlier, after) = rest.split_at_checked(usize::from(earlier) * Recent::ENTRY)?;
    rest = after;
    let principal = match take_text(&mut rest)? {
        "" => None,
        text => Some(Principal::new(text).ok()?),
    };
    let label = match has(HAS_LABEL) {
        true => Some(Label::new(take_text(&mut rest)?)),
        false => None,
    };
    let previous = match has(HAS_PREVIOUS) {
        true => Some(Box::new(Previous {
            verifier: Verifier(*take(&mut rest)?),
            newest_seen: Some(moment(&mut rest)?).filter(|seen| seen.as_unix_millis() != 0),
            wrapped: match has(SEALED) {
                true => Some(Wrapped {
                    server_key: KeyId::from_bytes(*take(&mut rest)?),
                    sealed: *take(&mut rest)?,
                }),
                false => None,
            },
        })),
        false => None,
    };
    let held = Held {
        token: token.clone(),
        revision: Some(revision),
        principal,
        created,
        last_seen,
        expires,
        label,
        lifetime: Lifetime::of_seconds(idle, absolute),
        remembered: has(REMEMBERED),
        ends,
        rotated,
        verifier: None,
        standing: Standing::Newest,
        previous,
        recent: Recent::new(tag, earlier),
        key,
    };
    Some(Snapshot {
        taken,
        server_key,
        held: Box::new(held),
        data: Data::parse(rest.into(), 0..rest.len())?,
    })
}

/// Overwrites the session key: what stays in memory of the rest is no more than the session's data does.
pub(super) fn wipe(bytes: &mut [u8]) {
    if let Some(key) = bytes.get_mut(1..1 + 32) {
        key.zeroize();
    }
}

fn push_moment(bytes: &mut Vec<u8>, moment: Timestamp) {
    bytes.extend_from_slice(&moment.as_unix_millis().to_le_bytes());
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("principals and labels have at most 255 bytes"));
    bytes.extend_from_slice(text.as_bytes());
}

fn moment(rest: &mut &[u8]) -> Option<Timestamp> {
    let millis = u64::from_le_bytes(*take(rest)?);
    Some(Timestamp::from_unix_millis(millis))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let [length] = *take::<1>(rest)?;
    let (text, after) = rest.split_at_checked(usize::from(length))?;
    *rest = after;
    str::from_utf8(text).ok()
}
