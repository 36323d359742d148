//! The server's keys, as requests use them: what a stolen store lacks.

mod date;
mod in_use;
mod keys;
mod server_key;
mod state;
mod text;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use cloakroom_store::Timestamp;

use crate::{Error, ErrorKind};

pub use date::KeyDate;
pub(crate) use in_use::Key;
use in_use::{Counts, Current, GoodFor};
pub use keys::{KeyInfo, Keys, Successor};
pub use server_key::{KeyId, ServerKey};
pub use state::KeyState;

/// The server's keys: one that seals, and others that only open. Clones share them.
///
/// With a key ring, writing to the store does not suffice to forge a session or to swap one for another. Taking
/// one into use ends the sessions that were stored without: nothing vouches for them.
///
/// Keys that are to be exchanged while requests run come from a [`KeyFile`](crate::KeyFile):
///
/// ```no_run
/// # fn main() -> Result<(), cloakroom::Error> {
/// # #[cfg(feature = "memory")] {
/// # use cloakroom::{KeyFile, KeyRing, Sessions, stores::Memory};
/// let file = KeyFile::new("/etc/shop/keys");
/// let keys = KeyRing::from(file.read()?);
/// let sessions = Sessions::new(Memory::default()).keys(keys.clone());
/// let _watcher = file.watch(&keys).start();
/// // … serve …
/// # }
/// # Ok(())
/// # }
/// ```
///
/// # Keys that are refused
///
/// What is sealed under a key that is **not on the ring** is an outage: this node lacks something, and nobody is
/// signed out for that. What is sealed under one that is **retired or compromised** is nobody's session, with an event:
/// somebody decided so. Its cookie is left alone, so a key that was retired too early can be
/// [reopened](Keys::reopen), and whoever has not signed in anew by then is back. Were it an outage instead, the users
/// whose sessions a retired key sealed could not even sign in again before those had expired.
#[derive(Clone)]
pub struct KeyRing {
    /// Held to look something up, never while anything is sealed or opened.
    current: Arc<RwLock<Current>>,
}

/// What a key was used for since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUse {
    /// Which key.
    pub key: KeyInfo,
    /// How often something was sealed under it: in the stored strategy, a session taken up under it.
    pub sealed: u64,
    /// How often something that it had sealed was opened, whether it was still good or not. Once this stands still on every
    /// node for longer than sessions may be idle, it can be retired.
    pub opened: u64,
    /// How often something that it had sealed was presented, and refused for its state. Not 0: it was retired too early.
    pub refused: u64,
}

/// What the ring says to the id of a key.
pub(crate) enum Found {
    /// This opens it.
    Opens(Arc<Key>),
    /// It is refused.
    Refused(KeyState),
    /// There is no such key here.
    Unknown,
}

impl KeyRing {
    /// A ring of one key.
    pub fn new(active: ServerKey) -> Self {
        Self::from(Keys::new(active, Timestamp::default()))
    }

    /// This ring and one more key, which still opens what it sealed, and seals nothing any more.
    ///
    /// A key that is there already stays what it is. Clones of this ring do not get it.
    #[must_use]
    pub fn retiring(self, key: ServerKey) -> Self {
        let mut keys = self.current().keys.clone();
        keys.insert_retiring(key);
        Self::from(keys)
    }

    /// Takes other keys into use, in all clones at once; answers whether anything has changed.
    ///
    /// Requests under way finish with the keys they began with. Counts go on where a key stays.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when a key that was compromised would be good for something again: somebody has put an
    /// old file back. The ring stays as it was.
    pub fn replace(&self, keys: Keys) -> Result<bool, Error> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.keys == keys {
            return Ok(false);
        }
        let revived =
            |key: &KeyInfo| key.state != KeyState::Compromised && current.compromised.contains(&key.id);
        if let Some(KeyInfo { id, .. }) = keys.iter().find(revived) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("key {id} is compromised, and not so in these keys: is it an old file?"),
            ));
        }
        *current = Current::new(keys, Some(&current));
        Ok(true)
    }

    /// What the keys are, and what each was used for since the process began; oldest first.
    pub fn uses(&self) -> Vec<KeyUse> {
        let current = self.current();
        let of = |key: KeyInfo| {
            let slot = current.slots.iter().find(|slot| slot.id == key.id);
            let count = |which: fn(&Counts) -> &AtomicU64| {
                slot.map_or(0, |slot| which(&slot.counts).load(Ordering::Relaxed))
            };
            KeyUse {
                key,
                sealed: count(|counts| &counts.sealed),
                opened: count(|counts| &counts.opened),
                refused: count(|counts| &counts.refused),
            }
        };
        current.keys.iter().map(of).collect()
    }

    /// The key that seals.
    pub(crate) fn active(&self) -> Arc<Key> {
        Arc::clone(&self.current().active)
    }

    /// All keys that open something, the one that seals first.
    pub(crate) fn opening(&self) -> Vec<Arc<Key>> {
        let current = self.current();
        let others = current.slots.iter().filter_map(|slot| match &slot.good_for {
            GoodFor::Opening(key) if !Arc::ptr_eq(key, &current.active) => Some(Arc::clone(key)),
            GoodFor::Opening(_) | GoodFor::Nothing(_) => None,
        });
        [Arc::clone(&current.active)].into_iter().chain(others).collect()
    }

    /// The key of this id, if it opens anything. One that is refused is counted.
    pub(crate) fn find(&self, id: KeyId) -> Found {
        let current = self.current();
        match current.slots.iter().find(|slot| slot.id == id) {
            None => Found::Unknown,
            Some(slot) => match &slot.good_for {
                GoodFor::Opening(key) => Found::Opens(Arc::clone(key)),
                GoodFor::Nothing(state) => {
                    slot.counts.refused.fetch_add(1, Ordering::Relaxed);
                    Found::Refused(*state)
                }
            },
        }
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Keys> for KeyRing {
    fn from(keys: Keys) -> Self {
        Self {
            current: Arc::new(RwLock::new(Current::new(keys, None))),
        }
    }
}

impl fmt::Debug for KeyRing {
    /// Shows ids and states.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current();
        let keys = current.keys.iter().map(|key| (key.id.to_string(), key.state));
        f.debug_map().entries(keys).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(ring: &KeyRing, number: u8) -> &'static str {
        match ring.find(ServerKey::numbered(number).id()) {
            Found::Opens(found) => {
                assert_eq!(found.key(), &ServerKey::numbered(number));
                "opens"
            }
            Found::Refused(_) => "refused",
            Found::Unknown => "unknown",
        }
    }

    #[test]
    fn each_state_is_good_for_what_it_says() {
        let now = Timestamp::default();
        let mut keys = Keys::new(ServerKey::numbered(1), now);
        let check = |keys: &Keys, active: u8, expected: [&str; 4]| {
            let ring = KeyRing::from(keys.clone());
            assert_eq!(ring.active().key(), &ServerKey::numbered(active));
            assert_eq!([1, 2, 3, 4].map(|number| opens(&ring, number)), expected);
        };
        check(&keys, 1, ["opens", "unknown", "unknown", "unknown"]);
        keys.add(ServerKey::numbered(2), now).unwrap();
        check(&keys, 1, ["opens", "opens", "unknown", "unknown"]);
        keys.activate(ServerKey::numbered(2).id(), now).unwrap();
        check(&keys, 2, ["opens", "opens", "unknown", "unknown"]);
        keys.retire(ServerKey::numbered(1).id(), now).unwrap();
        check(&keys, 2, ["refused", "opens", "unknown", "unknown"]);
        keys.compromise(ServerKey::numbered(2).id(), ServerKey::numbered(3), now)
            .unwrap();
        check(&keys, 3, ["refused", "refused", "opens", "unknown"]);
    }

    #[test]
    fn clones_share_what_is_replaced_and_counts_go_on() {
        let ring = KeyRing::new(ServerKey::numbered(1));
        let clone = ring.clone();
        ring.active().count_sealed();
        let in_flight = clone.active();
        let mut keys = Keys::new(ServerKey::numbered(2), Timestamp::default());
        assert_eq!(ring.replace(keys.clone()).ok(), Some(true));
        assert_eq!(ring.replace(keys.clone()).ok(), Some(false));
        assert_eq!(clone.active().key(), &ServerKey::numbered(2));
        assert_eq!(opens(&clone, 1), "unknown");
        keys.add(ServerKey::numbered(1), Timestamp::default()).unwrap();
        ring.replace(keys).unwrap();
        // The counts of a key that was gone began anew; those of one that stayed went on.
        in_flight.count_opened();
        clone.active().count_opened();
        opens(&clone, 2);
        let counts: Vec<_> = ring
            .uses()
            .iter()
            .map(|key| (key.sealed, key.opened, key.refused))
            .collect();
        assert_eq!(counts, [(0, 1, 0), (0, 0, 0)]);
    }

    #[test]
    fn a_compromised_key_does_not_come_back_with_an_old_file() {
        let now = Timestamp::default();
        let old = Keys::new(ServerKey::numbered(1), now);
        let mut keys = old.clone();
        keys.compromise(ServerKey::numbered(1).id(), ServerKey::numbered(2), now)
            .unwrap();
        let ring = KeyRing::from(keys);
        let error = ring.replace(old).unwrap_err();
        assert!(error.to_string().contains("is it an old file?"), "{error}");
        assert_eq!((opens(&ring, 1), opens(&ring, 2)), ("refused", "opens"));
        // Not even after it had been left out for a while.
        ring.replace(Keys::new(ServerKey::numbered(3), now)).unwrap();
        assert!(ring.replace(Keys::new(ServerKey::numbered(1), now)).is_err());
    }

    #[test]
    fn a_ring_built_in_code_opens_with_all_of_its_keys() {
        let one = KeyRing::new(ServerKey::numbered(1));
        let both = one
            .clone()
            .retiring(ServerKey::numbered(2))
            .retiring(ServerKey::numbered(2))
            .retiring(ServerKey::numbered(1));
        assert_eq!(both.active().key(), &ServerKey::numbered(1));
        assert_eq!((opens(&both, 2), opens(&one, 2)), ("opens", "unknown"));
        assert_eq!(both.uses().len(), 2);
        let shown = format!("{both:?}");
        assert!(
            shown.contains(&ServerKey::numbered(2).id().to_string()) && shown.contains("Retiring"),
            "{shown}"
        );
    }
}
