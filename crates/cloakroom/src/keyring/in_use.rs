//! Keys made ready for use: what requests look up, and what each was used for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use super::keys::Entry;
use super::{KeyId, KeyInfo, KeyState, Keys, ServerKey};
use crate::paseto;

/// What all clones have now: replaced as a whole, so that nobody sees half of it.
pub(super) struct Current {
    pub(super) keys: Keys,
    pub(super) active: Arc<Key>,
    pub(super) slots: Vec<Slot>,
    /// All that this process has ever seen compromised.
    pub(super) compromised: Vec<KeyId>,
}

/// What there is to an id.
pub(super) struct Slot {
    pub(super) id: KeyId,
    pub(super) good_for: GoodFor,
    pub(super) counts: Arc<Counts>,
}

pub(super) enum GoodFor {
    Opening(Arc<Key>),
    Nothing(KeyState),
}

/// One key in use. A request that has it finishes with it, also when the ring is replaced meanwhile.
pub(crate) struct Key {
    key: ServerKey,
    /// What is derived of it to seal cookies, once somebody does.
    cookies: OnceLock<paseto::Key>,
    /// Likewise for snapshots.
    snapshots: OnceLock<Zeroizing<[u8; 32]>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) sealed: AtomicU64,
    pub(super) opened: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Current {
    /// Keys made ready for use, with the counts of those that were there before.
    pub(super) fn new(keys: Keys, before: Option<&Self>) -> Self {
        let compromised = |key: &KeyInfo| key.state == KeyState::Compromised;
        let compromised = keys.iter().filter(compromised).map(|key| key.id);
        let compromised = before
            .into_iter()
            .flat_map(|before| before.compromised.iter().copied())
            .chain(compromised)
            .collect();
        let mut active = None;
        let slot = |entry: &Entry| {
            let KeyInfo { id, state, .. } = entry.info;
            let counts = before.and_then(|before| before.slots.iter().find(|slot| slot.id == id));
            let counts = counts.map_or_else(Arc::default, |slot| Arc::clone(&slot.counts));
            let good_for = match &entry.key {
                Some(key) if state.opens() => {
                    let (key, counts) = (key.clone(), Arc::clone(&counts));
                    GoodFor::Opening(Arc::new(Key {
                        key,
                        cookies: OnceLock::new(),
                        snapshots: OnceLock::new(),
                        counts,
                    }))
                }
                _ => GoodFor::Nothing(state),
            };
            if let (KeyState::Active, GoodFor::Opening(key)) = (state, &good_for) {
                active = Some(Arc::clone(key));
            }
            Slot { id, good_for, counts }
        };
        Self {
            slots: keys.entries.iter().map(slot).collect(),
            active: active.expect("exactly one key is active, and has its bytes"),
            compromised,
            keys,
        }
    }
}

impl Key {
    pub(crate) fn key(&self) -> &ServerKey {
        &self.key
    }

    /// The key that seals and opens cookies: derived at first use, and kept for as long as this one.
    pub(crate) fn for_cookies(&self, derive: impl FnOnce(&ServerKey) -> paseto::Key) -> &paseto::Key {
        self.cookies.get_or_init(|| derive(&self.key))
    }

    /// What the keys of snapshots are derived of: likewise.
    pub(crate) fn for_snapshots(
        &self,
        derive: impl FnOnce(&ServerKey) -> Zeroizing<[u8; 32]>,
    ) -> &Zeroizing<[u8; 32]> {
        self.snapshots.get_or_init(|| derive(&self.key))
    }

    /// Something was sealed under it.
    pub(crate) fn count_sealed(&self) {
        self.counts.sealed.fetch_add(1, Ordering::Relaxed);
    }

    /// Something that it had sealed has opened.
    pub(crate) fn count_opened(&self) {
        self.counts.opened.fetch_add(1, Ordering::Relaxed);
    }
}
