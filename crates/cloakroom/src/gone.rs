//! What this node has ended a moment ago: snapshots from before are not believed here any more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_store::{Id, Principal, Timestamp};

use crate::seal::Verifier;

/// What this node has ended, or given another token, for as long as a snapshot from before could be presented.
///
/// When a snapshot was taken says the node that took it, by its own clock. So a session is told by its token, and only where
/// there is none to tell by, for the sessions of a principal, do moments decide, with room for the skew of clocks.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    // Guards two small tables, for a look or an entry at a time.
    ended: Mutex<Ended>,
    /// Most nodes have nothing to look for.
    is_empty_no_more: AtomicBool,
}

#[derive(Debug, Default)]
struct Ended {
    sessions: HashMap<Id, Session>,
    principals: HashMap<Principal, Timestamp>,
    everyone: Option<Timestamp>,
    /// When those were last removed that nobody needs any more.
    tidied: Timestamp,
}

/// What became of a session.
#[derive(Debug)]
struct Session {
    at: Timestamp,
    /// The only token whose snapshots count, where the session has another one.
    successor: Option<Verifier>,
}

impl Session {
    fn outdates(&self, known: &Self) -> bool {
        match (&known.successor, &self.successor) {
            (None, Some(_)) => false,
            (Some(_), None) => true,
            (None, None) | (Some(_), Some(_)) => known.at <= self.at,
        }
    }
}

impl Gone {
    /// A session ended at this moment, or got another token, which is its successor.
    ///
    /// Requests tell when they come to it, and not in the order in which the store did what they asked for. So an ending
    /// stands, since no session comes back under its id, and of two tokens the later one counts.
    pub(crate) fn session(&self, id: Id, successor: Option<Verifier>, at: Timestamp, remembered: Duration) {
        let mut ended = self.lock();
        ended.tidy(at, remembered);
        let news = Session { at, successor };
        match ended.sessions.entry(id) {
            Entry::Occupied(known) if !news.outdates(known.get()) => {}
            entry => drop(entry.insert_entry(news)),
        }
    }

    /// The sessions of a principal ended at this moment.
    pub(crate) fn principal(&self, principal: Principal, now: Timestamp, remembered: Duration) {
        let mut ended = self.lock();
        ended.tidy(now, remembered);
        let moment = ended.principals.entry(principal).or_default();
        *moment = now.max(*moment);
    }

    /// Everyone's sessions ended at this moment.
    pub(crate) fn everyone(&self, now: Timestamp) {
        let mut ended = self.lock();
        ended.everyone = ended.everyone.max(Some(now));
    }

    /// Whether a snapshot that was taken then says nothing any more. Its token is verified only where there is need.
    pub(crate) fn outdates(
        &self,
        id: Id,
        verifier: impl FnOnce() -> Verifier,
        principal: Option<&Principal>,
        (taken, skew): (Timestamp, Duration),
    ) -> bool {
        if !self.is_empty_no_more.load(Ordering::Acquire) {
            return false;
        }
        let ended = self.lock();
        let of_session = ended.sessions.get(&id).map(|session| session.successor);
        let of_principal = principal.and_then(|principal| ended.principals.get(principal));
        // In the very millisecond it may have been before.
        let is_before = |moment: &Timestamp| taken <= moment.saturating_add(skew);
        if ended
            .everyone
            .as_ref()
            .into_iter()
            .chain(of_principal)
            .any(is_before)
        {
            return true;
        }
        match of_session {
            None => false,
            Some(None) => true,
            Some(Some(successor)) => !successor.matches(&verifier()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ended> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_empty_no_more.store(true, Ordering::Release);
        ended
    }
}

impl Ended {
    /// Removes what is older than any snapshot that could be presented, once as much again may have come to it.
    fn tidy(&mut self, now: Timestamp, remembered: Duration) {
        if now.since(self.tidied) < remembered {
            return;
        }
        self.tidied = now;
        let oldest = now.saturating_sub(remembered);
        keep(&mut self.sessions, |session| session.at >= oldest);
        keep(&mut self.principals, |moment| *moment >= oldest);
    }
}

/// Keeps some of a table, and the room for four times as many at most.
fn keep<K: Eq + Hash, V>(table: &mut HashMap<K, V>, is_kept: impl Fn(&V) -> bool) {
    table.retain(|_, value| is_kept(value));
    if table.len() < table.capacity() / 4 {
        table.shrink_to(2 * table.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SKEW;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    #[test]
    fn what_was_taken_before_an_ending_is_outdated() {
        let gone = Gone::default();
        let (id, other) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        let alice = Principal::new("alice").unwrap();
        let outdates = |id, token: u8, principal, taken| {
            gone.outdates(id, || Verifier([token; 32]), principal, (at(taken), SKEW))
        };
        assert!(!outdates(id, 1, Some(&alice), 0));
        gone.session(id, Some(Verifier([2; 32])), at(10), Duration::from_secs(10));
        assert!(outdates(id, 1, None, 9) && outdates(id, 1, None, 99));
        assert!(!outdates(id, 2, None, 10) && !outdates(other, 1, Some(&alice), 9));
        gone.session(id, None, at(10), Duration::from_secs(10));
        assert!(outdates(id, 2, None, 10) && outdates(id, 2, None, 99));
        gone.principal(alice.clone(), at(20), Duration::from_secs(10));
        assert!(outdates(other, 1, Some(&alice), 20) && outdates(other, 1, Some(&alice), 25));
        assert!(!outdates(other, 1, None, 20) && !outdates(other, 1, Some(&alice), 26));
        gone.everyone(at(30));
        assert!(outdates(other, 1, None, 35) && !outdates(other, 1, None, 36));
    }

    #[test]
    fn news_that_comes_late_brings_no_snapshot_back() {
        let remembered = Duration::from_secs(10);
        let id = Id::from_bytes([1; 16]);
        let told = |news: &[(Option<u8>, u64)]| {
            let gone = Gone::default();
            for (successor, second) in news {
                let successor = successor.map(|token| Verifier([token; 32]));
                gone.session(id, successor, at(*second), remembered);
            }
            [1, 2, 3].map(|token| gone.outdates(id, || Verifier([token; 32]), None, (at(10), SKEW)))
        };
        // A rotation that was carried out before the ending, and is told after it.
        assert_eq!(told(&[(None, 11), (Some(2), 10)]), [true; 3]);
        assert_eq!(told(&[(None, 11), (Some(2), 12)]), [true; 3]);
        // Of two rotations the later one counts, in whatever order they are told.
        let third_counts = [true, true, false];
        assert_eq!(told(&[(Some(2), 10), (Some(3), 11)]), third_counts);
        assert_eq!(told(&[(Some(3), 11), (Some(2), 10)]), third_counts);
    }

    #[test]
    fn what_nobody_can_present_any_more_is_forgotten() {
        let gone = Gone::default();
        let end = |number: u32, second| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            gone.session(Id::from_bytes(id), None, at(second), Duration::from_secs(10));
            let name = Principal::new(number.to_string()).unwrap();
            gone.principal(name, at(second), Duration::from_secs(10));
        };
        // Many within a second, and then few: the room for many is given back.
        (0..50_000).for_each(|number| end(number, 1));
        (0..100).for_each(|number| end(number, 20 + u64::from(number)));
        let ended = gone.lock();
        let room = [ended.sessions.capacity(), ended.principals.capacity()];
        assert!(room.iter().all(|room| *room < 200), "{room:?}");
        assert!(ended.sessions.len() < 25, "{}", ended.sessions.len());
    }
}
