//! What this node has ended a moment ago: snapshots from before are not believed here any more.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_store::{Id, Principal, Timestamp};

/// What this node has ended, or given another token, for as long as a snapshot from before could be presented.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    // Guards two small tables, for a look or an entry at a time.
    ended: Mutex<Ended>,
    /// Most nodes have nothing to look for.
    is_empty_no_more: AtomicBool,
}

#[derive(Debug, Default)]
struct Ended {
    sessions: HashMap<Id, Timestamp>,
    principals: HashMap<Principal, Timestamp>,
    /// How many there may be before those are removed that nobody needs any more.
    most: usize,
}

impl Gone {
    /// A session ended, or got another token, at this moment.
    pub(crate) fn session(&self, id: Id, now: Timestamp, remembered: Duration) {
        let mut ended = self.lock();
        ended.make_room(now, remembered);
        raise(&mut ended.sessions, id, now);
    }

    /// The sessions of a principal ended at this moment.
    pub(crate) fn principal(&self, principal: Principal, now: Timestamp, remembered: Duration) {
        let mut ended = self.lock();
        ended.make_room(now, remembered);
        raise(&mut ended.principals, principal, now);
    }

    /// Whether a snapshot that was taken then says nothing any more.
    pub(crate) fn outdates(&self, id: Id, principal: Option<&Principal>, taken: Timestamp) -> bool {
        if !self.is_empty_no_more.load(Ordering::Acquire) {
            return false;
        }
        let ended = self.lock();
        let of_session = ended.sessions.get(&id);
        let of_principal = principal.and_then(|principal| ended.principals.get(principal));
        // In the very millisecond it may have been before.
        of_session
            .into_iter()
            .chain(of_principal)
            .any(|moment| taken <= *moment)
    }

    fn lock(&self) -> MutexGuard<'_, Ended> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_empty_no_more.store(true, Ordering::Release);
        ended
    }
}

impl Ended {
    /// Removes what is older than any snapshot that could be presented, once that may be half of it.
    fn make_room(&mut self, now: Timestamp, remembered: Duration) {
        if self.sessions.len() + self.principals.len() < self.most {
            return;
        }
        let oldest = now.saturating_sub(remembered);
        self.sessions.retain(|_, moment| *moment >= oldest);
        self.principals.retain(|_, moment| *moment >= oldest);
        self.most = 1024.max(2 * (self.sessions.len() + self.principals.len()));
    }
}

fn raise<K: Eq + Hash>(moments: &mut HashMap<K, Timestamp>, key: K, now: Timestamp) {
    let moment = moments.entry(key).or_default();
    *moment = now.max(*moment);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    #[test]
    fn what_was_taken_before_an_ending_is_outdated() {
        let gone = Gone::default();
        let (id, other) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        let alice = Principal::new("alice").unwrap();
        assert!(!gone.outdates(id, Some(&alice), at(0)));
        gone.session(id, at(10), Duration::from_secs(10));
        assert!(gone.outdates(id, None, at(9)) && gone.outdates(id, None, at(10)));
        assert!(!gone.outdates(id, None, at(11)) && !gone.outdates(other, Some(&alice), at(9)));
        gone.principal(alice.clone(), at(20), Duration::from_secs(10));
        assert!(gone.outdates(other, Some(&alice), at(20)));
        assert!(!gone.outdates(other, None, at(20)) && !gone.outdates(other, Some(&alice), at(21)));
    }

    #[test]
    fn what_nobody_can_present_any_more_is_forgotten() {
        let gone = Gone::default();
        for second in 0..10_000_u64 {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&second.to_be_bytes());
            gone.session(Id::from_bytes(id), at(second), Duration::from_secs(10));
        }
        let ended = gone.lock();
        assert!(ended.sessions.len() < 2100, "{}", ended.sessions.len());
    }
}
