//! Which stored sessions end because everyone's do, as far as this node has to say so itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_store::Timestamp;

use crate::policy::SKEW;

/// What this node has been told of the end of everyone's sessions.
///
/// While they are being removed, nothing counts here that may have begun before: by this node's clock, or by a faster one.
/// By its moment alone, what somebody begins a little later cannot be told from that. So when all have been removed, it is
/// the store's word again that counts, but for what has begun too long before to be anything else: a store that fails over
/// may bring that back.
#[derive(Debug, Default)]
pub(crate) struct Everyone {
    /// Nothing begun before this counts while it is being removed: Unix milliseconds, only ever moved forward.
    mark: AtomicU64,
    /// Up to which mark all has been removed.
    removed: AtomicU64,
    /// Nothing begun before this counts at all.
    floor: AtomicU64,
}

/// The least by which one moment is later than another.
const TICK: Duration = Duration::from_millis(1);

impl Everyone {
    /// Everyone's sessions are to end: nothing counts any more that may have begun by now. Answers the moment before which
    /// sessions are to be removed.
    pub(crate) fn end(&self, now: Timestamp) -> Timestamp {
        // What began within this very millisecond may have begun before.
        let moment = now.saturating_add(SKEW).saturating_add(TICK).as_unix_millis();
        // Later than the mark there is, so that nothing takes this removal for that one's.
        let next = |mark: u64| moment.max(mark.saturating_add(1));
        let before = self
            .mark
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |mark| Some(next(mark)));
        let (Ok(before) | Err(before)) = before;
        Timestamp::from_unix_millis(next(before))
    }

    /// All has been removed that began before this moment, which [`end`](Self::end) answered at that time.
    pub(crate) fn removed(&self, moment: Timestamp, at: Timestamp) {
        let floor = at.saturating_sub(SKEW).as_unix_millis();
        self.floor.fetch_max(floor, Ordering::SeqCst);
        self.take_back(moment);
    }

    /// Nothing is removed before this moment: the store cannot.
    pub(crate) fn take_back(&self, moment: Timestamp) {
        self.removed.fetch_max(moment.as_unix_millis(), Ordering::SeqCst);
    }

    /// Whether a session that began at this moment has ended, whatever the store says.
    pub(crate) fn ends(&self, begun: Timestamp) -> bool {
        let begun = begun.as_unix_millis();
        let mark = self.mark.load(Ordering::SeqCst);
        begun < self.floor.load(Ordering::SeqCst)
            || begun < mark && self.removed.load(Ordering::SeqCst) < mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    #[test]
    fn while_sessions_are_removed_none_counts_that_may_have_begun_before() {
        let everyone = Everyone::default();
        assert!(!everyone.ends(at(0)));
        let moment = everyone.end(at(100));
        assert!(at(105) < moment && moment < at(106));
        assert!(everyone.ends(at(0)) && everyone.ends(at(100)) && everyone.ends(at(105)));
        assert!(!everyone.ends(moment));
    }

    #[test]
    fn afterwards_what_may_have_begun_later_counts() {
        let everyone = Everyone::default();
        let moment = everyone.end(at(100));
        everyone.removed(moment, at(100));
        assert!(everyone.ends(at(94)), "that is from before by any clock");
        assert!(!everyone.ends(at(95)) && !everyone.ends(at(101)));
    }

    #[test]
    fn a_removal_that_is_over_says_nothing_of_one_that_is_not() {
        let everyone = Everyone::default();
        // Also within one millisecond.
        let (first, second) = (everyone.end(at(100)), everyone.end(at(100)));
        assert!(first < second);
        everyone.removed(first, at(100));
        assert!(everyone.ends(at(101)));
        everyone.removed(second, at(100));
        assert!(!everyone.ends(at(101)));
        // The later one sees what the earlier one would: it need not be over.
        let (_, later) = (everyone.end(at(200)), everyone.end(at(210)));
        everyone.removed(later, at(210));
        assert!(!everyone.ends(at(211)) && everyone.ends(at(204)));
    }

    #[test]
    fn where_the_store_cannot_nothing_has_ended() {
        let everyone = Everyone::default();
        everyone.take_back(everyone.end(at(100)));
        assert!(!everyone.ends(at(0)) && !everyone.ends(at(101)));
    }
}
