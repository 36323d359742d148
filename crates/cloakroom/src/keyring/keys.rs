//! The server's keys as an operator sees them, and the steps from one state to the next.

use cloakroom_store::Timestamp;

use super::{KeyDate, KeyId, KeyState, ServerKey};
use crate::{Error, ErrorKind};

/// One key, without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// What tells it apart.
    pub id: KeyId,
    /// What it is good for.
    pub state: KeyState,
    /// When it was drawn.
    pub created: KeyDate,
    /// When it came into this state.
    pub since: KeyDate,
}

/// What takes the place of an active key that was compromised.
// Complete: there is nothing else that could.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Successor {
    /// Nothing has to: another key is the active one.
    NotNeeded,
    /// A key that was pending, so that the other nodes know it.
    Pending(KeyId),
    /// A new one. Nodes that have not read it yet answer 503 for what is sealed under it.
    New(KeyId),
}

/// The server's keys: exactly one of them is active, and no two are the same.
///
/// A value to change and to write down: [`KeyFile`](crate::KeyFile) keeps it in a file, and a
/// [`KeyRing`](crate::KeyRing) serves requests with it.
///
/// ```
/// use cloakroom::store::Timestamp;
/// use cloakroom::{KeyState, Keys, ServerKey};
/// use std::time::SystemTime;
///
/// let now = Timestamp::from(SystemTime::now());
/// let mut keys = Keys::new(ServerKey::generate()?, now);
/// let next = keys.add(ServerKey::generate()?, now)?;
/// // … every node has read the file …
/// keys.activate(next, now)?;
/// assert_eq!(keys.iter().filter(|key| key.state == KeyState::Active).count(), 1);
/// # Ok::<(), cloakroom::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub(super) entries: Vec<Entry>,
}

/// One key, with its bytes unless it was compromised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) info: KeyInfo,
    pub(super) key: Option<ServerKey>,
}

impl Keys {
    /// The most keys there can be. One a month is five years.
    pub const MAX: usize = 64;

    /// Keys of which this is the first, and active.
    pub fn new(first: ServerKey, now: Timestamp) -> Self {
        Self {
            entries: vec![Entry::new(first, KeyState::Active, now)],
        }
    }

    /// The keys, oldest first, without their bytes.
    pub fn iter(&self) -> impl Iterator<Item = KeyInfo> {
        self.entries.iter().map(|entry| entry.info)
    }

    /// The key that seals.
    pub fn active(&self) -> KeyInfo {
        self.iter()
            .find(|key| key.state == KeyState::Active)
            .expect("exactly one key is active")
    }

    /// Adds a key that opens and does not seal yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when it is there already, in whatever state, or when there are as many as there can be.
    pub fn add(&mut self, key: ServerKey, now: Timestamp) -> Result<KeyId, Error> {
        // The last place is for the successor of one that is compromised.
        if self.entries.len() + 1 >= Self::MAX {
            return Err(invalid(format!(
                "there are {} keys, and no room for another: take lines of retired keys out of the file whose sessions \
                 are all over",
                self.entries.len()
            )));
        }
        self.insert(key, now)
    }

    /// Seals with this key from now on; the one that did so far is retiring. Nothing to do for the active one.
    ///
    /// To be done once every node has the key. One that is retiring can become active again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a key that is not there, or that nodes refuse.
    pub fn activate(&mut self, id: KeyId, now: Timestamp) -> Result<(), Error> {
        match self.state(id)? {
            KeyState::Active => Ok(()),
            KeyState::Pending | KeyState::Retiring => {
                let active = self.active().id;
                self.enter(active, KeyState::Retiring, now);
                self.enter(id, KeyState::Active, now);
                Ok(())
            }
            state => Err(invalid(format!(
                "key {id} is {state}, so nodes refuse what it seals: add a new key, and activate that"
            ))),
        }
    }

    /// Refuses this key from now on. Nothing to do for one that is retired.
    ///
    /// To be done once nothing is left that it sealed: sessions that are have ended for their users.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a key that is not there, or that seals.
    pub fn retire(&mut self, id: KeyId, now: Timestamp) -> Result<(), Error> {
        match self.state(id)? {
            KeyState::Retired => Ok(()),
            KeyState::Pending | KeyState::Retiring => {
                self.enter(id, KeyState::Retired, now);
                Ok(())
            }
            KeyState::Active => Err(invalid(format!(
                "key {id} is active, and something has to seal: activate another key first"
            ))),
            KeyState::Compromised => Err(invalid(format!("key {id} is compromised, and refused already"))),
        }
    }

    /// Opens again with a key that was retired too early: sessions that it sealed and that live are back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a key that is not there, or not retired.
    pub fn reopen(&mut self, id: KeyId, now: Timestamp) -> Result<(), Error> {
        match self.state(id)? {
            KeyState::Retired => {
                self.enter(id, KeyState::Retiring, now);
                Ok(())
            }
            state => Err(invalid(format!(
                "key {id} is {state}: only a retired key can be reopened"
            ))),
        }
    }

    /// Refuses this key at once and for good, and forgets its bytes.
    ///
    /// Whoever has the key could forge with it: sessions that it sealed have ended. When it was the active one, the
    /// longest pending key takes its place, or `spare` where none is pending.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a key that is not there, and when there are as many as there can be and none is pending.
    pub fn compromise(&mut self, id: KeyId, spare: ServerKey, now: Timestamp) -> Result<Successor, Error> {
        let pending = self.iter().find(|key| key.state == KeyState::Pending);
        let successor = match (self.state(id)?, pending) {
            (KeyState::Compromised, _) => return Ok(Successor::NotNeeded),
            (KeyState::Active, Some(pending)) => {
                self.activate(pending.id, now)?;
                Successor::Pending(pending.id)
            }
            (KeyState::Active, None) => {
                let spare = self.insert(spare, now)?;
                self.activate(spare, now)?;
                Successor::New(spare)
            }
            _ => Successor::NotNeeded,
        };
        self.enter(id, KeyState::Compromised, now);
        for entry in self.entries.iter_mut().filter(|entry| entry.info.id == id) {
            entry.key = None;
        }
        Ok(successor)
    }

    fn insert(&mut self, key: ServerKey, now: Timestamp) -> Result<KeyId, Error> {
        let id = key.id();
        if let Some(there) = self.iter().find(|there| there.id == id) {
            return Err(invalid(format!(
                "key {id} is there already, and is {}",
                there.state
            )));
        }
        // A file of more is one that no node reads, so all would go on with the keys they have.
        if self.entries.len() >= Self::MAX {
            return Err(invalid(format!(
                "there are {} keys, and no room for another: take lines of retired keys out of the file whose sessions \
                 are all over, and do this again",
                self.entries.len()
            )));
        }
        self.entries.push(Entry::new(key, KeyState::Pending, now));
        Ok(id)
    }

    /// Adds a key that only opens; one that is there already stays what it is.
    pub(super) fn insert_retiring(&mut self, key: ServerKey) {
        if !self.iter().any(|there| there.id == key.id()) {
            self.entries
                .push(Entry::new(key, KeyState::Retiring, Timestamp::default()));
        }
    }

    fn state(&self, id: KeyId) -> Result<KeyState, Error> {
        let key = self.iter().find(|key| key.id == id);
        key.map(|key| key.state)
            .ok_or_else(|| invalid(format!("there is no key {id}")))
    }

    fn enter(&mut self, id: KeyId, state: KeyState, now: Timestamp) {
        for entry in self.entries.iter_mut().filter(|entry| entry.info.id == id) {
            (entry.info.state, entry.info.since) = (state, now.into());
        }
    }
}

impl Entry {
    pub(super) fn new(key: ServerKey, state: KeyState, now: Timestamp) -> Self {
        let info = KeyInfo {
            id: key.id(),
            state,
            created: now.into(),
            since: now.into(),
        };
        Self { info, key: Some(key) }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests;
