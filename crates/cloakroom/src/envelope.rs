//! The body of a record, version 1: writes it, reads it, and says whether to believe it.
//!
//! ```text
//! version 1 · flags 1 · idle 4 · absolute 4 · ends 8 · verifier 32 · tag 8 · earlier tags 1 + 12 each
//! previous (flag):   verifier 32 · rotated 8 · newest seen 8 · [sealed: server key 8 · wrapped 48]
//! sealed (flag):     rest of the nonce 16 · server key 8 · wrapped session key 48 · data + authentication tag
//! otherwise:         data
//! ```
//!
//! Integers are little endian, moments milliseconds, timeouts seconds. The 24-byte nonce begins with the tag.

use std::sync::Arc;

use cloakroom_store::{Id, Principal, Record, Residence, Stored, Timestamp};
use zeroize::Zeroizing;

use crate::data::Data;
use crate::held::{Held, Previous, SessionKey, Standing, Wrapped};
use crate::keyring::{KeyId, KeyRing, NO_KEY, ServerKey};
use crate::policy::Lifetime;
use crate::recent::{Recent, Tag};
use crate::seal::{self, Derivation, Verifier};
use crate::settle;
use crate::token::Token;
use crate::{Error, ErrorKind};

const VERSION: u8 = 1;
const REMEMBERED: u8 = 1;
const SEALED: u8 = 2;
const HAS_PREVIOUS: u8 = 4;
/// More than the body can take up besides the data.
pub(crate) const MAX_OVERHEAD: usize = 512 + Recent::MAX * Recent::ENTRY;

/// What it takes to write and to believe a record: the same for all requests.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    pub(crate) derivation: Derivation,
    pub(crate) keys: Option<KeyRing>,
    pub(crate) residence: Residence,
}

/// What a record turned out to be, for the token that was presented.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A live session, and the token is its.
    Live(Box<Held>, Data),
    /// Its time is over.
    Expired,
    /// It has another secret now, or never had this one.
    Superseded,
    /// The token was rotated away, and its successor has been in use: one of the two was stolen.
    Reused,
    /// It was not written by us, or for another session, or has been altered.
    Unverifiable,
}

impl Envelope {
    /// Reads a record, and believes nothing in it before its sealed data has opened.
    ///
    /// # Errors
    ///
    /// When the record is of a newer version or under a key that is not on the ring: this node lacks something,
    /// and nobody is to be signed out for that.
    pub(crate) fn open(&self, stored: Stored, token: &Token, now: Timestamp) -> Result<Opened, Error> {
        let Stored { revision, record, .. } = stored;
        match record.body.first() {
            Some(&VERSION) => {}
            Some(version) if *version > VERSION => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "session {} is of format {version}, newer than this program's {VERSION}",
                        token.id
                    ),
                ));
            }
            _ => return Ok(Opened::Unverifiable),
        }
        let Some(layout) = Layout::read(&record.body) else {
            return Ok(Opened::Unverifiable);
        };
        let verifier = self.derivation.verifier(&token.secret);
        let (standing, previous_wrapped) = match &layout.previous {
            _ if layout.verifier.matches(&verifier) => (Standing::Newest, None),
            Some(previous) if previous.verifier.matches(&verifier) => {
                if !settle::in_grace(previous, now) {
                    return Ok(Opened::Reused);
                }
                (Standing::Previous, previous.wrapped)
            }
            _ => return Ok(Opened::Superseded),
        };
        if now >= record.expires || now >= layout.ends {
            return Ok(Opened::Expired);
        }
        let (key, data) = match (self.residence, layout.sealing) {
            (Residence::Process, None) => {
                let range = layout.data..record.body.len();
                (None, Data::parse(Arc::clone(&record.body), range))
            }
            (Residence::Elsewhere, Some(sealing)) => {
                let wrapped = match standing {
                    Standing::Newest => Some(sealing.wrapped),
                    Standing::Previous => previous_wrapped,
                };
                let Some(wrapped) = wrapped else {
                    return Ok(Opened::Unverifiable);
                };
                let server_key = match self.server_key(wrapped.server_key, token.id)? {
                    Lookup::Use(server_key) => server_key,
                    Lookup::Refused => return Ok(Opened::Unverifiable),
                };
                let wrapping = self.derivation.wrapping_key(&token.secret, token.id, server_key);
                let Some(key) = seal::open(&wrapping, &[], &wrapped.sealed) else {
                    return Ok(Opened::Unverifiable);
                };
                let Some(key) = key.first_chunk().map(|key| Zeroizing::new(*key)) else {
                    return Ok(Opened::Unverifiable);
                };
                let data_key = self.derivation.data_key(&key, &sealing.nonce);
                let associated = self.associated(&Bound {
                    id: token.id,
                    principal: record.principal.as_ref(),
                    server_key: sealing.wrapped.server_key,
                    created: record.created,
                    ends: layout.ends,
                    lifetime: layout.lifetime,
                    remembered: layout.remembered,
                });
                let Some(data) = seal::open(&data_key, &associated, &record.body[layout.data..]) else {
                    return Ok(Opened::Unverifiable);
                };
                let length = data.len();
                let data = Data::parse(Arc::from(&data[..]), 0..length);
                (
                    Some(SessionKey {
                        key,
                        wrapped: Some(sealing.wrapped),
                    }),
                    data,
                )
            }
            // In the clear where it must be sealed: not ours. Sealed in a process: from another store.
            _ => return Ok(Opened::Unverifiable),
        };
        let Some(data) = data else {
            return Ok(Opened::Unverifiable);
        };
        // Touches move these two without sealing again, so whoever can write the store can, too. What they say
        // cannot be beyond what this process itself would have written.
        let expires = record
            .expires
            .min(layout.lifetime.expires(record.last_seen, layout.ends));
        if now >= expires {
            return Ok(Opened::Expired);
        }
        let held = Held {
            token: token.clone(),
            revision: Some(revision),
            principal: record.principal,
            created: record.created,
            last_seen: record.last_seen,
            expires,
            label: record.label,
            lifetime: layout.lifetime,
            remembered: layout.remembered,
            ends: layout.ends,
            verifier: Some(layout.verifier),
            standing,
            previous: layout.previous,
            recent: layout.recent,
            key,
        };
        Ok(Opened::Live(Box::new(held), data))
    }

    /// Writes the record of a session, sealing its data where records leave the process.
    ///
    /// `held.recent` ends with the tag of this write; `nonce` is the rest of the nonce. What was still to be
    /// derived for `held` is filled in.
    pub(crate) fn seal(&self, held: &mut Held, data: &Data, nonce: [u8; 16]) -> Record {
        let derivation = &self.derivation;
        let verifier = *held
            .verifier
            .get_or_insert_with(|| derivation.verifier(&held.token.secret));
        let data = data.as_bytes();
        let recent = held.recent.earlier();
        let mut body = Vec::with_capacity(data.len() + recent.len() + 256);
        let flags = if held.remembered { REMEMBERED } else { 0 }
            | if held.key.is_some() { SEALED } else { 0 }
            | if held.previous.is_some() { HAS_PREVIOUS } else { 0 };
        let (idle, absolute) = held.lifetime.to_seconds();
        body.extend_from_slice(&[VERSION, flags]);
        body.extend_from_slice(&idle.to_le_bytes());
        body.extend_from_slice(&absolute.to_le_bytes());
        body.extend_from_slice(&held.ends.as_unix_millis().to_le_bytes());
        body.extend_from_slice(&verifier.0);
        body.extend_from_slice(&held.recent.last());
        body.push((recent.len() / Recent::ENTRY) as u8);
        body.extend_from_slice(recent);
        if let Some(previous) = &held.previous {
            let newest_seen = previous.newest_seen.map_or(0, Timestamp::as_unix_millis);
            body.extend_from_slice(&previous.verifier.0);
            body.extend_from_slice(&previous.rotated.as_unix_millis().to_le_bytes());
            body.extend_from_slice(&newest_seen.to_le_bytes());
            if let Some(wrapped) = &previous.wrapped {
                body.extend_from_slice(&wrapped.server_key);
                body.extend_from_slice(&wrapped.sealed);
            }
        }
        match &mut held.key {
            None => body.extend_from_slice(data),
            Some(session_key) => {
                let wrapped = self.wrap(session_key, &held.token, held.standing);
                let tag = held.recent.last();
                let mut whole = [0; 24];
                whole[..tag.len()].copy_from_slice(&tag);
                whole[tag.len()..].copy_from_slice(&nonce);
                body.extend_from_slice(&nonce);
                body.extend_from_slice(&wrapped.server_key);
                body.extend_from_slice(&wrapped.sealed);
                let from = body.len();
                body.extend_from_slice(data);
                let associated = self.associated(&Bound {
                    id: held.token.id,
                    principal: held.principal.as_ref(),
                    server_key: wrapped.server_key,
                    created: held.created,
                    ends: held.ends,
                    lifetime: held.lifetime,
                    remembered: held.remembered,
                });
                seal::seal(
                    &derivation.data_key(&session_key.key, &whole),
                    &associated,
                    &mut body,
                    from,
                );
            }
        }
        Record::new(held.created, held.expires, body)
            .with_principal(held.principal.clone())
            .with_last_seen(held.last_seen)
            .with_label(held.label.clone())
    }

    fn server_key(&self, id: KeyId, session: Id) -> Result<Lookup<'_>, Error> {
        match (&self.keys, id) {
            (None, NO_KEY) => Ok(Lookup::Use(None)),
            (Some(_), NO_KEY) => Ok(Lookup::Refused),
            (keys, id) => match keys.as_ref().and_then(|keys| keys.find(id)) {
                Some(key) => Ok(Lookup::Use(Some(key))),
                None => Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("session {session} is sealed under a server key that is not on the key ring"),
                )),
            },
        }
    }

    /// The session key under the newest secret: as it is, or anew when there is a newer server key. Only a
    /// request that has the newest secret can do that.
    fn wrap(&self, session_key: &mut SessionKey, token: &Token, standing: Standing) -> Wrapped {
        let active = self.keys.as_ref().map(KeyRing::active);
        let active_id = active.map_or(NO_KEY, ServerKey::id);
        match session_key.wrapped {
            Some(wrapped) if wrapped.server_key == active_id || standing == Standing::Previous => wrapped,
            _ => {
                let wrapping = self.derivation.wrapping_key(&token.secret, token.id, active);
                let mut sealed = session_key.key.to_vec();
                seal::seal(&wrapping, &[], &mut sealed, 0);
                let mut wrapped = Wrapped {
                    server_key: active_id,
                    sealed: [0; Wrapped::LEN],
                };
                wrapped.sealed.copy_from_slice(&sealed);
                session_key.wrapped = Some(wrapped);
                wrapped
            }
        }
    }

    /// What is authenticated along with the data: fixed-length fields, then the principal.
    fn associated(&self, bound: &Bound<'_>) -> Vec<u8> {
        let principal = bound
            .principal
            .map_or(&[][..], |principal| principal.as_str().as_bytes());
        let (idle, absolute) = bound.lifetime.to_seconds();
        let mut bytes = Vec::with_capacity(96 + principal.len());
        bytes.extend_from_slice(&[
            VERSION,
            u8::from(bound.remembered),
            u8::from(bound.principal.is_some()),
        ]);
        bytes.extend_from_slice(self.derivation.namespace());
        bytes.extend_from_slice(bound.id.as_bytes());
        bytes.extend_from_slice(&bound.server_key);
        bytes.extend_from_slice(&bound.created.as_unix_millis().to_le_bytes());
        bytes.extend_from_slice(&bound.ends.as_unix_millis().to_le_bytes());
        bytes.extend_from_slice(&idle.to_le_bytes());
        bytes.extend_from_slice(&absolute.to_le_bytes());
        bytes.extend_from_slice(principal);
        bytes
    }
}

/// Which server key a record is to be opened with.
enum Lookup<'a> {
    /// This one, or none where there is no key ring.
    Use(Option<&'a ServerKey>),
    /// There is a key ring and the record names no key: it was written by somebody who has none.
    Refused,
}

/// What is bound to the data, so that none of it can be altered or come from another record.
struct Bound<'a> {
    id: Id,
    principal: Option<&'a Principal>,
    server_key: KeyId,
    created: Timestamp,
    ends: Timestamp,
    lifetime: Lifetime,
    remembered: bool,
}

/// The fields of a body.
struct Layout {
    lifetime: Lifetime,
    remembered: bool,
    ends: Timestamp,
    verifier: Verifier,
    recent: Recent,
    previous: Option<Previous>,
    sealing: Option<Sealing>,
    /// Where the data begins.
    data: usize,
}

struct Sealing {
    nonce: [u8; 24],
    wrapped: Wrapped,
}

impl Layout {
    /// `None` when the body is not of this layout.
    fn read(body: &[u8]) -> Option<Self> {
        let mut rest = body;
        let [_version, flags] = *take::<2>(&mut rest)?;
        if flags & !(REMEMBERED | SEALED | HAS_PREVIOUS) != 0 {
            return None;
        }
        let idle = u32::from_le_bytes(*take(&mut rest)?);
        let absolute = u32::from_le_bytes(*take(&mut rest)?);
        let ends = moment(&mut rest)?;
        let verifier = Verifier(*take(&mut rest)?);
        let tag: Tag = *take(&mut rest)?;
        let [earlier] = *take::<1>(&mut rest)?;
        let (earlier, after) = rest.split_at_checked(usize::from(earlier) * Recent::ENTRY)?;
        rest = after;
        let sealed = flags & SEALED != 0;
        let previous = if flags & HAS_PREVIOUS == 0 {
            None
        } else {
            Some(Previous {
                verifier: Verifier(*take(&mut rest)?),
                rotated: moment(&mut rest)?,
                newest_seen: Some(moment(&mut rest)?).filter(|seen| seen.as_unix_millis() != 0),
                wrapped: if sealed { Some(wrapped(&mut rest)?) } else { None },
            })
        };
        let sealing = if sealed {
            let mut nonce = [0; 24];
            nonce[..tag.len()].copy_from_slice(&tag);
            nonce[tag.len()..].copy_from_slice(take::<16>(&mut rest)?);
            Some(Sealing {
                nonce,
                wrapped: wrapped(&mut rest)?,
            })
        } else {
            None
        };
        Some(Self {
            lifetime: Lifetime::of_seconds(idle, absolute),
            remembered: flags & REMEMBERED != 0,
            ends,
            verifier,
            recent: Recent::new(tag, earlier),
            previous,
            sealing,
            data: body.len() - rest.len(),
        })
    }
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
        server_key: *take(rest)?,
        sealed: *take(rest)?,
    })
}
