//! The server's keys as an operator sees them: their states, and the steps from one to the next.

use std::fmt;

use cloakroom_store::Timestamp;

use super::{KeyDate, KeyId, ServerKey};
use crate::{Error, ErrorKind};

/// What a key is good for.
///
/// ```text
/// add ──► pending ── activate ──► active ── another is activated ──► retiring ── retire ──► retired
///                                    ▲───────────── activate ───────────┘  ▲───── reopen ──────┘
/// any ── compromise ──► compromised
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// Opens, and seals nothing yet: it is on its way to the other nodes.
    Pending,
    /// Seals and opens. There is exactly one.
    Active,
    /// Opens what it has sealed, and seals nothing any more.
    Retiring,
    /// Is refused: what it sealed counts as nothing. Kept, so that it can be reopened when that was too early.
    Retired,
    /// Is refused for good. Its bytes are gone from the file.
    Compromised,
}

impl KeyState {
    /// Whether a key in this state opens what it sealed.
    pub fn opens(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Retiring)
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Compromised => "compromised",
        })
    }
}

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
mod tests {
    use super::*;

    const THEN: Timestamp = Timestamp::from_unix_millis(1_795_632_000_000);
    const NOW: Timestamp = Timestamp::from_unix_millis(1_795_700_000_000);

    fn key(number: u8) -> ServerKey {
        ServerKey::from_bytes(std::array::from_fn(|n| (n as u8).wrapping_mul(37) ^ number)).unwrap()
    }

    /// Keys 1 to 5 in the states there are, in their order.
    fn one_of_each() -> Keys {
        let mut keys = Keys::new(key(4), THEN);
        for number in [3, 2, 5, 1] {
            keys.add(key(number), THEN).unwrap();
        }
        keys.activate(key(3).id(), THEN).unwrap();
        keys.activate(key(2).id(), THEN).unwrap();
        keys.retire(key(4).id(), THEN).unwrap();
        keys.compromise(key(5).id(), key(9), THEN).unwrap();
        assert_eq!(states(&keys), "pending active retiring retired compromised");
        keys
    }

    /// The states of keys 1 to 5, and of key 9 if it is there.
    fn states(keys: &Keys) -> String {
        let states = [1, 2, 3, 4, 5, 9].map(|number| keys.state(key(number).id()).ok());
        let states: Vec<String> = states.iter().flatten().map(KeyState::to_string).collect();
        states.join(" ")
    }

    #[test]
    fn each_step_leads_from_each_state_where_the_table_says() {
        type Step = fn(&mut Keys, KeyId) -> Result<(), Error>;
        let check = |step: Step, number: u8, becomes: Result<&str, &str>| {
            let mut keys = one_of_each();
            let result = step(&mut keys, key(number).id());
            match (result, becomes) {
                (Ok(()), Ok(expected)) => assert_eq!(states(&keys), expected),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                    assert_eq!(keys, one_of_each(), "a step that is refused changes nothing");
                }
                (result, _) => panic!("{number}: {result:?}"),
            }
            let active = keys.iter().filter(|key| key.state == KeyState::Active);
            assert_eq!(active.count(), 1);
        };
        let activate: Step = |keys, id| keys.activate(id, NOW);
        check(activate, 1, Ok("active retiring retiring retired compromised"));
        check(activate, 2, Ok("pending active retiring retired compromised"));
        check(activate, 3, Ok("pending retiring active retired compromised"));
        check(activate, 4, Err("add a new key"));
        check(activate, 5, Err("add a new key"));
        check(activate, 6, Err("no key"));
        let retire: Step = |keys, id| keys.retire(id, NOW);
        check(retire, 1, Ok("retired active retiring retired compromised"));
        check(retire, 2, Err("activate another key first"));
        check(retire, 3, Ok("pending active retired retired compromised"));
        check(retire, 4, Ok("pending active retiring retired compromised"));
        check(retire, 5, Err("refused already"));
        check(retire, 6, Err("no key"));
        let reopen: Step = |keys, id| keys.reopen(id, NOW);
        check(reopen, 1, Err("only a retired key"));
        check(reopen, 2, Err("only a retired key"));
        check(reopen, 3, Err("only a retired key"));
        check(reopen, 4, Ok("pending active retiring retiring compromised"));
        check(reopen, 5, Err("only a retired key"));
        check(reopen, 6, Err("no key"));
        let compromise: Step = |keys, id| keys.compromise(id, key(9), NOW).map(drop);
        check(
            compromise,
            1,
            Ok("compromised active retiring retired compromised"),
        );
        check(
            compromise,
            2,
            Ok("active compromised retiring retired compromised"),
        );
        check(
            compromise,
            3,
            Ok("pending active compromised retired compromised"),
        );
        check(
            compromise,
            4,
            Ok("pending active retiring compromised compromised"),
        );
        check(compromise, 5, Ok("pending active retiring retired compromised"));
        check(compromise, 6, Err("no key"));
        let add: Step = |keys, id| {
            let again = (1..=6).map(key).find(|key| key.id() == id);
            keys.add(again.expect("it is one of them"), NOW).map(drop)
        };
        for number in 1..=5 {
            check(add, number, Err("there already"));
        }
        check(add, 6, Ok("pending active retiring retired compromised"));
    }

    #[test]
    fn an_active_key_that_is_compromised_has_a_successor() {
        let mut keys = one_of_each();
        let successor = keys.compromise(key(2).id(), key(9), NOW).unwrap();
        assert_eq!(successor, Successor::Pending(key(1).id()));
        let successor = keys.compromise(key(1).id(), key(9), NOW).unwrap();
        assert_eq!(successor, Successor::New(key(9).id()));
        assert_eq!(
            states(&keys),
            "compromised compromised retiring retired compromised active"
        );
        let kept = keys.entries.iter().filter(|entry| entry.key.is_some());
        assert_eq!(kept.count(), 3, "the bytes of the others are gone");
    }

    #[test]
    fn a_step_leaves_its_date() {
        let mut keys = one_of_each();
        keys.activate(key(1).id(), NOW).unwrap();
        let dates = |number: u8| {
            let info = keys.iter().find(|info| info.id == key(number).id()).unwrap();
            (info.created, info.since)
        };
        assert_eq!(dates(1), (THEN.into(), NOW.into()));
        assert_eq!(dates(2), (THEN.into(), NOW.into()));
        assert_eq!(dates(3), (THEN.into(), THEN.into()));
    }

    #[test]
    fn there_are_only_so_many() {
        let mut keys = Keys::new(key(0), THEN);
        for number in 1..Keys::MAX as u8 - 1 {
            keys.add(key(number), THEN).unwrap();
        }
        let more = ServerKey::from_bytes(std::array::from_fn(|n| (n as u8).wrapping_mul(41) ^ 1)).unwrap();
        let error = keys.add(more.clone(), NOW).unwrap_err();
        assert!(error.to_string().contains("no room for another"), "{error}");
        for number in 1..Keys::MAX as u8 - 1 {
            keys.retire(key(number).id(), NOW).unwrap();
        }
        let successor = keys.compromise(key(0).id(), more.clone(), NOW).unwrap();
        assert_eq!(successor, Successor::New(more.id()));
        assert_eq!(Keys::parse(&keys.to_text()).unwrap(), keys);

        // Nobody could read a file of one more: what was there stays, and says what to do.
        let spare = ServerKey::from_bytes(std::array::from_fn(|n| (n as u8).wrapping_mul(43) ^ 2)).unwrap();
        let before = keys.clone();
        let error = keys.compromise(more.id(), spare, NOW).unwrap_err();
        assert!(error.to_string().contains("no room for another"), "{error}");
        assert_eq!(keys, before);
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", one_of_each());
        assert!(
            shown.contains("ServerKey(..)") && !shown.contains("bytes"),
            "{shown}"
        );
    }
}
