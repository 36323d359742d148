//! Writes records, and says what to believe of one that was read.

mod layout;

use std::sync::Arc;

use cloakroom_store::{Id, Principal, Record, Residence, Stored, Timestamp};

use crate::data::Data;
use crate::held::{Held, SessionKey, Standing, Wrapped};
use crate::keyring::{Found, Key, KeyId, KeyRing, KeyState, ServerKey};
use crate::seal::{self, Derivation, Verifier};
use crate::settle;
use crate::token::Token;
use crate::{Error, ErrorKind};

pub(crate) use layout::MAX_OVERHEAD;
use layout::{Layout, Sealing, VERSION};

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
    /// The token was rotated away, and its successor has been in use: one of the two was stolen. Who is signed in, as far as
    /// the record is to be believed.
    Reused(Option<Principal>),
    /// It was not written by us, or for another session, or has been altered.
    Unverifiable,
    /// It is sealed under a key that an operator has decided to refuse.
    UnderRefusedKey(KeyId, KeyState),
}

/// Why sealed data did not open.
enum Closed {
    Unverifiable,
    UnderRefusedKey(KeyId, KeyState),
    UnderUnknownKey(KeyId),
}

impl Envelope {
    /// Reads a record, and believes nothing in it before its sealed data has opened.
    ///
    /// # Errors
    ///
    /// When the record is of a newer version or under a key that is not on the ring: this node lacks something,
    /// and nobody is to be signed out for that.
    pub(crate) fn open(&self, stored: Stored, token: &Token, now: Timestamp) -> Result<Opened, Error> {
        let Stored {
            revision, mut record, ..
        } = stored;
        if let Some(version) = record.body.first().filter(|version| **version > VERSION) {
            let session = token.id;
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("session {session} is of format {version}, newer than this program's {VERSION}"),
            ));
        }
        let Some(layout) = Layout::read(&record.body) else {
            return Ok(Opened::Unverifiable);
        };
        let verifier = self.derivation.verifier(&token.secret);
        let standing = match &layout.previous {
            _ if layout.verifier.matches(&verifier) => Standing::Newest,
            Some(previous) if previous.verifier.matches(&verifier) => {
                if !settle::in_grace(previous, now) {
                    let opens = self
                        .unseal(&mut record, &layout, token, Standing::Previous)
                        .is_ok();
                    return Ok(Opened::Reused(record.principal.filter(|_| opens)));
                }
                Standing::Previous
            }
            _ => return Ok(Opened::Superseded),
        };
        if now >= record.expires || now >= layout.ends {
            return Ok(Opened::Expired);
        }
        let (key, data) = match self.unseal(&mut record, &layout, token, standing) {
            Ok(opened) => opened,
            Err(Closed::Unverifiable) => return Ok(Opened::Unverifiable),
            Err(Closed::UnderRefusedKey(key, state)) => return Ok(Opened::UnderRefusedKey(key, state)),
            Err(Closed::UnderUnknownKey(key)) => {
                let session = token.id;
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "session {session} is sealed under server key {key}, which is not on the key ring"
                    ),
                ));
            }
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
            rotated: layout.rotated,
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
        let (verifier, wrapped) = self.complete(held);
        let sealing = wrapped.map(|wrapped| Sealing::new(held.recent.last(), &nonce, wrapped));
        let data = data.as_bytes();
        let mut body = layout::write(held, &verifier, sealing.as_ref(), data.len());
        match (&held.key, &sealing) {
            (Some(key), Some(sealing)) => {
                let header = body.len();
                let associated = self.associated(held.token.id, held.principal.as_ref(), held.created, &body);
                body.extend_from_slice(data);
                let data_key = self.derivation.data_key(&key.key, &sealing.nonce);
                seal::seal(&data_key, &associated, &mut body, header);
            }
            _ => body.extend_from_slice(data),
        }
        Record::new(held.created, held.expires, body)
            .with_principal(held.principal.clone())
            .with_last_seen(held.last_seen)
            .with_label(held.label.clone())
    }

    /// Derives what is still to be derived of a session: how its secret is verified, and its key wrapped.
    pub(crate) fn complete(&self, held: &mut Held) -> (Verifier, Option<Wrapped>) {
        let verifier = *held
            .verifier
            .get_or_insert_with(|| self.derivation.verifier(&held.token.secret));
        let wrapped = held
            .key
            .as_mut()
            .map(|key| self.wrap(key, &held.token, held.standing));
        (verifier, wrapped)
    }

    /// The data, and the key it was sealed under.
    fn unseal(
        &self,
        record: &mut Record,
        layout: &Layout,
        token: &Token,
        standing: Standing,
    ) -> Result<(Option<SessionKey>, Data), Closed> {
        let sealing = match (self.residence, &layout.sealing) {
            (Residence::Elsewhere, Some(sealing)) => sealing,
            (Residence::Process, None) => {
                let data = Data::parse(Arc::clone(&record.body), layout.header..record.body.len());
                return data.map(|data| (None, data)).ok_or(Closed::Unverifiable);
            }
            // In the clear where it must be sealed: not ours. Sealed in a process: from another store.
            _ => return Err(Closed::Unverifiable),
        };
        let wrapped = match (standing, &layout.previous) {
            (Standing::Newest, _) => Some(sealing.wrapped),
            (Standing::Previous, previous) => previous.as_ref().and_then(|previous| previous.wrapped),
        };
        let wrapped = wrapped.ok_or(Closed::Unverifiable)?;
        let server = self.server_key(wrapped.server_key)?;
        let server_key = server.as_ref().map(|found| found.key());
        let pad = self.derivation.wrapping_pad(&token.secret, token.id, server_key);
        let key = seal::wrap(&pad, &wrapped.sealed);
        let data_key = self.derivation.data_key(&key, &sealing.nonce);
        // Opened where it is, unless a near cache has it too.
        let body = Arc::make_mut(&mut record.body);
        let (header, sealed) = body.split_at_mut(layout.header);
        let associated = self.associated(token.id, record.principal.as_ref(), record.created, header);
        let opened = seal::open(&data_key, &associated, sealed).ok_or(Closed::Unverifiable)?;
        let data = layout.header..layout.header + opened.len();
        let data = Data::parse(Arc::clone(&record.body), data).ok_or(Closed::Unverifiable)?;
        if let Some(server) = server {
            server.count_opened();
        }
        let key = SessionKey {
            key,
            wrapped: Some(sealing.wrapped),
        };
        Ok((Some(key), data))
    }

    /// Whether what is under this server key in the store would open here.
    pub(crate) fn accepts(&self, server_key: KeyId) -> bool {
        match &self.keys {
            _ if self.residence == Residence::Process => true,
            None => server_key == KeyId::NONE,
            Some(keys) => matches!(keys.find(server_key), Found::Opens(_)),
        }
    }

    /// The session key under the newest secret: as it is, or anew when there is a newer server key. Only a
    /// request that has the newest secret can do that.
    fn wrap(&self, session_key: &mut SessionKey, token: &Token, standing: Standing) -> Wrapped {
        let active = self.keys.as_ref().map(KeyRing::active);
        let server = active.as_ref().map(|active| active.key());
        let server_key = server.map_or(KeyId::NONE, ServerKey::id);
        match session_key.wrapped {
            Some(wrapped) if wrapped.server_key == server_key || standing == Standing::Previous => wrapped,
            _ => {
                let pad = self.derivation.wrapping_pad(&token.secret, token.id, server);
                let sealed = *seal::wrap(&pad, &session_key.key);
                let wrapped = Wrapped { server_key, sealed };
                session_key.wrapped = Some(wrapped);
                if let Some(active) = active {
                    active.count_sealed();
                }
                wrapped
            }
        }
    }

    /// The server key of this name, under which a session key is wrapped; `None` where there is no key ring.
    fn server_key(&self, named: KeyId) -> Result<Option<Arc<Key>>, Closed> {
        match &self.keys {
            None if named == KeyId::NONE => Ok(None),
            None => Err(Closed::UnderUnknownKey(named)),
            // There is a key ring and the record names no key: it was written by somebody who has none.
            Some(_) if named == KeyId::NONE => Err(Closed::Unverifiable),
            Some(keys) => match keys.find(named) {
                Found::Opens(key) => Ok(Some(key)),
                Found::Refused(state) => Err(Closed::UnderRefusedKey(named, state)),
                Found::Unknown => Err(Closed::UnderUnknownKey(named)),
            },
        }
    }

    /// What is authenticated along with the data: whose it is, and the whole header. So nothing but what touches
    /// and labels move can be altered, or come from another record or an earlier one of the same session.
    fn associated(
        &self,
        id: Id,
        principal: Option<&Principal>,
        created: Timestamp,
        header: &[u8],
    ) -> Vec<u8> {
        let principal = principal.map_or(&[][..], |principal| principal.as_str().as_bytes());
        let mut bytes = Vec::with_capacity(64 + principal.len() + header.len());
        bytes.extend_from_slice(self.derivation.namespace());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&created.as_unix_millis().to_le_bytes());
        // At least one byte long, and at most 255: nobody is 0.
        bytes.push(principal.len() as u8);
        bytes.extend_from_slice(principal);
        bytes.extend_from_slice(header);
        bytes
    }
}

#[cfg(test)]
mod tests;
