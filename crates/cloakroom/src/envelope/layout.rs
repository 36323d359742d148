//! The bytes of a record's body, version 1.
//!
//! ```text
//! version 1 · flags 1 · idle 4 · absolute 4 · ends 8 · rotated 8 · verifier 32 · tag 8 · earlier tags 1 + 12 each
//! previous (flag):   verifier 32 · newest seen 8 · [sealed: server key 8 · wrapped 32]
//! sealed (flag):     rest of the nonce 16 · server key 8 · wrapped session key 32 · data + authentication tag
//! otherwise:         data
//! ```
//!
//! Integers are little endian, moments milliseconds, timeouts seconds. The 24-byte nonce begins with the tag.
//! What comes before the data is its header.

use cloakroom_store::Timestamp;

use crate::held::{Held, Previous, Wrapped};
use crate::keyring::KeyId;
use crate::policy::Lifetime;
use crate::recent::{Recent, Tag};
use crate::seal::Verifier;

pub(super) const VERSION: u8 = 1;
const REMEMBERED: u8 = 1;
const SEALED: u8 = 2;
const HAS_PREVIOUS: u8 = 4;

/// More than a header and an authentication tag can be long.
pub(crate) const MAX_OVERHEAD: usize = 512 + Recent::MAX * Recent::ENTRY;

/// What a body says of itself.
pub(super) struct Layout {
    pub(super) lifetime: Lifetime,
    pub(super) remembered: bool,
    pub(super) ends: Timestamp,
    pub(super) rotated: Timestamp,
    pub(super) verifier: Verifier,
    pub(super) recent: Recent,
    pub(super) previous: Option<Box<Previous>>,
    pub(super) sealing: Option<Sealing>,
    /// How long the header is.
    pub(super) header: usize,
}

/// What it takes, besides a secret, to open sealed data.
pub(super) struct Sealing {
    pub(super) nonce: [u8; 24],
    pub(super) wrapped: Wrapped,
}

impl Sealing {
    pub(super) fn new(tag: Tag, rest_of_nonce: &[u8; 16], wrapped: Wrapped) -> Self {
        let mut nonce = [0; 24];
        nonce[..tag.len()].copy_from_slice(&tag);
        nonce[tag.len()..].copy_from_slice(rest_of_nonce);
        Self { nonce, wrapped }
    }
}

impl Layout {
    /// Reads a header; `None` when the body is not of this layout.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut rest = body;
        let [VERSION, flags] = *take::<2>(&mut rest)? else {
            return None;
        };
        if flags & !(REMEMBERED | SEALED | HAS_PREVIOUS) != 0 {
            return None;
        }
        let sealed = flags & SEALED != 0;
        let idle = u32::from_le_bytes(*take(&mut rest)?);
        let absolute = u32::from_le_bytes(*take(&mut rest)?);
        let ends = moment(&mut rest)?;
        let rotated = moment(&mut rest)?;
        let verifier = Verifier(*take(&mut rest)?);
        let tag: Tag = *take(&mut rest)?;
        let [earlier] = *take::<1>(&mut rest)?;
        let (earlier, after) = rest.split_at_checked(usize::from(earlier) * Recent::ENTRY)?;
        rest = after;
        let previous = if flags & HAS_PREVIOUS == 0 {
            None
        } else {
            Some(Box::new(Previous {
                verifier: Verifier(*take(&mut rest)?),
                newest_seen: Some(moment(&mut rest)?).filter(|seen| seen.as_unix_millis() != 0),
                wrapped: if sealed { Some(wrapped(&mut rest)?) } else { None },
            }))
        };
        let sealing = if sealed {
            let rest_of_nonce = take(&mut rest)?;
            Some(Sealing::new(tag, rest_of_nonce, wrapped(&mut rest)?))
        } else {
            None
        };
        Some(Self {
            lifetime: Lifetime::of_seconds(idle, absolute),
            remembered: flags & REMEMBERED != 0,
            ends,
            rotated,
            verifier,
            recent: Recent::new(tag, earlier),
            previous,
            sealing,
            header: body.len() - rest.len(),
        })
    }
}

/// Writes a header, with room for so many bytes of data and their authentication tag.
pub(super) fn write(held: &Held, verifier: &Verifier, sealing: Option<&Sealing>, data: usize) -> Vec<u8> {
    let recent = held.recent.earlier();
    let mut body = Vec::with_capacity(data + recent.len() + 256);
    let flags = if held.remembered { REMEMBERED } else { 0 }
        | if sealing.is_some() { SEALED } else { 0 }
        | if held.previous.is_some() { HAS_PREVIOUS } else { 0 };
    let (idle, absolute) = held.lifetime.to_seconds();
    body.extend_from_slice(&[VERSION, flags]);
    body.extend_from_slice(&idle.to_le_bytes());
    body.extend_from_slice(&absolute.to_le_bytes());
    body.extend_from_slice(&held.ends.as_unix_millis().to_le_bytes());
    body.extend_from_slice(&held.rotated.as_unix_millis().to_le_bytes());
    body.extend_from_slice(&verifier.0);
    body.extend_from_slice(&held.recent.last());
    body.push((recent.len() / Recent::ENTRY) as u8);
    body.extend_from_slice(recent);
    if let Some(previous) = &held.previous {
        let newest_seen = previous.newest_seen.map_or(0, Timestamp::as_unix_millis);
        body.extend_from_slice(&previous.verifier.0);
        body.extend_from_slice(&newest_seen.to_le_bytes());
        if let Some(wrapped) = &previous.wrapped {
            body.extend_from_slice(wrapped.server_key.as_bytes());
            body.extend_from_slice(&wrapped.sealed);
        }
    }
    if let Some(Sealing { nonce, wrapped }) = sealing {
        body.extend_from_slice(&nonce[size_of::<Tag>()..]);
        body.extend_from_slice(wrapped.server_key.as_bytes());
        body.extend_from_slice(&wrapped.sealed);
    }
    body
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

fn moment(rest: &mut &[u8]) -> Option<Timestamp> {
    take(rest).map(|bytes| Timestamp::from_unix_millis(u64::from_le_bytes(*bytes)))
}

fn wrapped(rest: &mut &[u8]) -> Option<Wrapped> {
    Some(Wrapped {
        server_key: KeyId::from_bytes(*take(rest)?),
        sealed: *take(rest)?,
    })
}
