//! Counters in the memory of this process: bounded, and those that are over soonest go first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{
    AddOne, Capabilities, Counted, Counter, Counters, Error, Namespace, Store as _, Sweep, Swept, TakeBack,
    Timestamp,
};

use super::Memory;

/// The counters of all namespaces.
pub(super) struct Tally {
    room: usize,
    // Guards all of them: an attempt at signing in takes it for a moment, and is long over before its password is checked.
    pages: Mutex<Pages>,
}

/// Counters by when they are over, so that those which are over are found first.
type Page = BTreeMap<(Timestamp, Counted), u64>;

#[derive(Default)]
struct Pages {
    of: HashMap<Namespace, Page>,
    /// How many counters there are.
    kept: usize,
}

impl Tally {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            pages: Mutex::default(),
        }
    }

    fn add(&self, counter: Counter) -> u64 {
        let mut pages = self.pages();
        let page = pages.of.entry(counter.namespace).or_default();
        let count = page.entry((counter.until, counter.counted)).or_default();
        *count += 1;
        let count = *count;
        pages.kept += usize::from(count == 1);
        if pages.kept > self.room {
            pages.drop_soonest();
        }
        count
    }

    fn take_back(&self, counter: &Counter) {
        let mut pages = self.pages();
        let key = (counter.until, counter.counted);
        let Some(page) = pages.of.get_mut(&counter.namespace) else {
            return;
        };
        match page.get_mut(&key) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => {
                page.remove(&key);
                pages.kept -= 1;
            }
            None => {}
        }
    }

    fn forget(&self, request: &Sweep) -> Swept {
        let mut pages = self.pages();
        let Some(page) = pages.of.get_mut(&request.namespace) else {
            return Swept::new(0, false);
        };
        let limit = request.limit.get();
        let is_over = |page: &Page| {
            let first = page.first_key_value();
            first.is_some_and(|((until, _), _)| *until < request.expired_before)
        };
        let mut removed = 0;
        while removed < limit && is_over(page) {
            page.pop_first();
            removed += 1;
        }
        let more = is_over(page);
        pages.kept -= removed;
        Swept::new(removed as u64, more)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Drops the counter that is over before the others. Nobody here knows what time it is, so that is also how those
    /// go that are over.
    fn drop_soonest(&mut self) {
        let pages = self.of.values_mut().filter(|page| !page.is_empty());
        let soonest = pages.min_by_key(|page| page.first_key_value().map(|(key, _)| *key));
        self.kept -= usize::from(soonest.and_then(Page::pop_first).is_some());
    }
}

impl Counters for Memory {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        Ok(self.0.counters.add(request.counter))
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        self.0.counters.take_back(&request.counter);
        Ok(())
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        Ok(self.0.counters.forget(&request))
    }

    /// Unlike a session, a counter may go to make room for others.
    fn card(&self) -> Capabilities {
        let mut card = self.capabilities();
        card.may_evict = true;
        card
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(namespace: &str, of: u8, until: u64) -> Counter {
        let counted = Counted::from_bytes([of; Counted::LEN]);
        Counter::new(
            Namespace::new(namespace).unwrap(),
            counted,
            Timestamp::from_unix_millis(until),
        )
    }

    #[test]
    fn the_counter_that_is_over_soonest_goes_first() {
        let tally = Tally::new(3);
        for (namespace, of, until) in [("a", 1, 50), ("b", 2, 10), ("a", 3, 20)] {
            assert_eq!(tally.add(counter(namespace, of, until)), 1);
        }
        // What is there already takes no room.
        assert_eq!(tally.add(counter("b", 2, 10)), 2);
        assert_eq!(tally.add(counter("b", 4, 30)), 1);
        assert_eq!(tally.add(counter("a", 1, 50)), 2);
        assert_eq!(tally.add(counter("a", 3, 20)), 2);
        assert_eq!(tally.add(counter("b", 4, 30)), 2);
        assert_eq!(tally.pages().kept, 3);
        // The one that went begins anew, and is the one to go.
        assert_eq!(tally.add(counter("b", 2, 10)), 1);
        assert_eq!(tally.add(counter("b", 2, 10)), 1);
    }

    #[test]
    fn room_is_given_back() {
        let tally = Tally::new(3);
        for round in 0..10 {
            for of in 0..3 {
                tally.add(counter("a", of, round));
            }
            tally.take_back(&counter("a", 0, round));
            let before = Timestamp::from_unix_millis(round + 1);
            let all = Sweep::new(Namespace::new("a").unwrap(), before, 10.try_into().unwrap());
            assert_eq!(tally.forget(&all), Swept::new(2, false));
            assert_eq!(tally.pages().kept, 0);
        }
    }
}
