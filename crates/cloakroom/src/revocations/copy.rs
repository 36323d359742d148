//! What this node knows of marks: a copy in memory, asked by every request.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use cloakroom_store::{Id, Principal, Timestamp};

use super::table::{Name, Table};

/// What this node knows of marks.
///
/// It only ever learns more: a mark that is read twice, or out of order, changes nothing, and what the store has
/// forgotten is forgotten here when its own time has come.
pub(crate) struct Copy {
    /// Nobody's session begun before this counts: Unix milliseconds.
    everyone: AtomicU64,
    /// The latest moment of any mark that a sign-in was, or will be, stamped at: Unix milliseconds.
    latest: AtomicU64,
    /// The marks of sessions and of principals.
    table: Table,
    /// Names principals by what nobody outside can guess, so that none can be made to meet another's name.
    names: [RandomState; 2],
    /// Whether there ever was the mark of a principal: most nodes are spared the look.
    knows_principals: AtomicBool,
    /// Which part of the table is looked through next for what may be forgotten.
    next: AtomicUsize,
}

/// Whether a session still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Counts,
    /// It has a newer token than this.
    Rotated,
    /// It has ended, or is one of those that have.
    Over,
}

impl Copy {
    /// Whether a session counts that began, and got its token, at these moments.
    pub(crate) fn verdict(
        &self,
        id: Id,
        principal: Option<&Principal>,
        begun: Timestamp,
        rotated: Timestamp,
    ) -> Verdict {
        match self.table.moment(&Name::of(id)) {
            Some(Timestamp::MAX) => return Verdict::Over,
            // First of all, whatever else there is: what a late request does must not take the place of its successor.
            Some(moment) if rotated < moment => return Verdict::Rotated,
            Some(_) | None => {}
        }
        if begun < self.everyone() {
            return Verdict::Over;
        }
        if let Some(principal) = principal
            && self.knows_principals.load(Ordering::Acquire)
            && self.of_principal(principal).is_some_and(|moment| begun < moment)
        {
            return Verdict::Over;
        }
        Verdict::Counts
    }

    /// Before which moment nobody's session counts.
    pub(crate) fn everyone(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.everyone.load(Ordering::Acquire))
    }

    /// No session was begun after this moment and after now: a sign-in is stamped at the marks there are.
    pub(crate) fn latest(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.latest.load(Ordering::Acquire))
    }

    /// Before which moment no session of a principal counts.
    pub(crate) fn of_principal(&self, principal: &Principal) -> Option<Timestamp> {
        self.table.moment(&self.name(principal))
    }

    /// Before which moment nothing of a principal counts: that of its own mark or of everyone's, whichever is later.
    pub(crate) fn moment_for(&self, principal: &Principal) -> Timestamp {
        let own = self.of_principal(principal).unwrap_or_default();
        own.max(self.everyone())
    }

    /// Learns that no session counts that begun before `moment`.
    pub(crate) fn mark_everyone(&self, moment: Timestamp) {
        self.everyone.fetch_max(moment.as_unix_millis(), Ordering::AcqRel);
        self.latest.fetch_max(moment.as_unix_millis(), Ordering::AcqRel);
    }

    /// Learns that no session of a principal counts that begun before `moment`.
    pub(crate) fn mark_principal(&self, principal: &Principal, moment: Timestamp, until: Timestamp) {
        self.table.raise(self.name(principal), moment, until);
        self.knows_principals.store(true, Ordering::Release);
        self.latest.fetch_max(moment.as_unix_millis(), Ordering::AcqRel);
    }

    /// Learns that no token of a session counts that it got before `moment`.
    pub(crate) fn mark_session(&self, id: Id, moment: Timestamp, until: Timestamp) {
        self.table.raise(Name::of(id), moment, until);
    }

    /// Forgets some of what is over by now: a small part of the table at each call, the next one at the next.
    pub(crate) fn forget_some(&self, now: Timestamp) {
        let part = self.next.fetch_add(1, Ordering::Relaxed);
        self.table.forget(part, now);
    }

    fn name(&self, principal: &Principal) -> Name {
        let [first, second] = self.names.each_ref().map(|names| names.hash_one(principal));
        Name::from_halves(first, second)
    }
}

impl Default for Copy {
    fn default() -> Self {
        Self {
            everyone: AtomicU64::default(),
            latest: AtomicU64::default(),
            table: Table::default(),
            names: [RandomState::new(), RandomState::new()],
            knows_principals: AtomicBool::default(),
            next: AtomicUsize::default(),
        }
    }
}

impl fmt::Debug for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copy")
            .field("marks", &self.table.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::from_unix_millis(9_000_000);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn id(number: u8) -> Id {
        Id::from_bytes([number; 16])
    }

    #[test]
    fn each_mark_is_about_what_came_before_it() {
        let (alice, bob) = (Principal::new("alice").unwrap(), Principal::new("bob").unwrap());
        let copy = Copy::default();
        let check =
            |number: u8, principal: Option<&Principal>, (begun, rotated): (u64, u64), expected: Verdict| {
                let verdict = copy.verdict(id(number), principal, at(begun), at(rotated));
                assert_eq!(verdict, expected, "{number} {principal:?} {begun} {rotated}");
            };
        check(1, None, (0, 0), Verdict::Counts);
        copy.mark_session(id(1), at(500), LATER);
        check(1, None, (100, 499), Verdict::Rotated);
        check(1, Some(&alice), (100, 500), Verdict::Counts);
        check(2, None, (100, 100), Verdict::Counts);
        copy.mark_principal(&alice, at(200), LATER);
        check(1, Some(&alice), (199, 600), Verdict::Over);
        check(1, Some(&alice), (200, 600), Verdict::Counts);
        check(1, Some(&bob), (199, 600), Verdict::Counts);
        check(1, None, (199, 600), Verdict::Counts);
        copy.mark_everyone(at(300));
        check(2, None, (299, 299), Verdict::Over);
        check(2, Some(&bob), (300, 300), Verdict::Counts);
        copy.mark_session(id(1), Timestamp::MAX, LATER);
        check(1, Some(&alice), (600, u64::MAX), Verdict::Over);
    }

    #[test]
    fn what_is_learnt_late_undoes_nothing() {
        let alice = Principal::new("alice").unwrap();
        let copy = Copy::default();
        copy.mark_session(id(1), Timestamp::MAX, LATER);
        copy.mark_session(id(1), at(100), at(50));
        copy.mark_principal(&alice, at(200), LATER);
        copy.mark_principal(&alice, at(100), LATER);
        copy.mark_everyone(at(300));
        copy.mark_everyone(at(100));
        assert_eq!(copy.verdict(id(1), None, at(400), at(400)), Verdict::Over);
        assert_eq!(copy.of_principal(&alice), Some(at(200)));
        assert_eq!(copy.everyone(), at(300));
    }

    #[test]
    fn a_mark_is_forgotten_when_its_time_has_come_and_not_before() {
        let copy = Copy::default();
        for number in 0..=255 {
            // Some of them in each part of the table.
            copy.mark_session(id(number), at(1), at(1_000_000 + 1000 * u64::from(number)));
        }
        let after_a_round = |now: u64| {
            for _ in 0..Table::PARTS {
                copy.forget_some(at(now));
            }
            copy.table.len()
        };
        assert_eq!(after_a_round(999_999), 256);
        assert_eq!(after_a_round(1_100_000), 155);
        assert_eq!(copy.verdict(id(101), None, at(0), at(0)), Verdict::Rotated);
        assert_eq!(copy.verdict(id(100), None, at(0), at(0)), Verdict::Counts);
        assert_eq!(after_a_round(u64::MAX), 0);
    }
}
