//! Counters in the memory of this process: bounded, and those go first that were added to longest ago.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{
    AddOne, Capabilities, Counted, Counter, Counters, Error, Namespace, Store as _, Sweep, Swept, TakeBack,
    Timestamp,
};

use super::Memory;

/// The counters of all namespaces.
pub(super) struct Tally {
    /// How many a generation has at most.
    room: usize,
    // Guards all of them: an attempt at signing in takes it for a moment, and is long over before its password is checked.
    generations: Mutex<Generations>,
}

/// Those that were added to lately, and those before them. When the young are as many as have room the old ones go, so
/// whoever wants a counter forgotten has to have as many others counted between two adds to it. Nobody here knows what
/// time it is; were those dropped that are over soonest, one flood would leave room for no counter that ends before it.
#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    of: HashMap<Namespace, Page>,
    /// How many counters there are.
    kept: usize,
}

/// Counters by when they are over, so that those which are over are found first.
type Page = BTreeMap<(Timestamp, Counted), u64>;

impl Tally {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room: room / 2,
            generations: Mutex::default(),
        }
    }

    fn add(&self, counter: Counter) -> u64 {
        let mut generations = self.generations();
        if let Some(count) = generations.young.find(&counter) {
            *count += 1;
            return *count;
        }
        let count = generations.old.remove(&counter).unwrap_or(0) + 1;
        let gone = match generations.young.kept < self.room {
            true => None,
            false => Some(generations.turn()),
        };
        generations.young.insert(counter, count);
        drop(generations);
        // Half a million of them take a while, for which nobody has to wait.
        drop(gone);
        count
    }

    fn take_back(&self, counter: &Counter) {
        let mut generations = self.generations();
        let Generations { young, old } = &mut *generations;
        for generation in [young, old] {
            match generation.find(counter) {
                Some(count) if *count > 1 => *count -= 1,
                Some(_) => {
                    generation.remove(counter);
                }
                None => {}
            }
        }
    }

    fn forget(&self, request: &Sweep) -> Swept {
        let mut generations = self.generations();
        let limit = request.limit.get();
        let removed = generations.old.forget(request, limit);
        let removed = removed + generations.young.forget(request, limit - removed);
        let Generations { young, old } = &*generations;
        let more = young.has_over(request) || old.has_over(request);
        Swept::new(removed as u64, more)
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    /// Makes the young the old, and answers those that have to go.
    fn turn(&mut self) -> Generation {
        let old = mem::take(&mut self.young);
        mem::replace(&mut self.old, old)
    }
}

impl Generation {
    fn insert(&mut self, counter: Counter, count: u64) {
        let page = self.of.entry(counter.namespace).or_default();
        let before = page.insert((counter.until, counter.counted), count);
        self.kept += usize::from(before.is_none());
    }

    fn remove(&mut self, counter: &Counter) -> Option<u64> {
        let page = self.of.get_mut(&counter.namespace)?;
        let removed = page.remove(&(counter.until, counter.counted))?;
        self.kept -= 1;
        Some(removed)
    }

    fn find(&mut self, counter: &Counter) -> Option<&mut u64> {
        let page = self.of.get_mut(&counter.namespace)?;
        page.get_mut(&(counter.until, counter.counted))
    }

    /// Removes those that are over, so many at most, and answers how many.
    fn forget(&mut self, request: &Sweep, limit: usize) -> usize {
        let mut removed = 0;
        while removed < limit && self.has_over(request) {
            let page = self.of.get_mut(&request.namespace);
            page.and_then(Page::pop_first).expect("one was seen to be over");
            removed += 1;
        }
        self.kept -= removed;
        removed
    }

    fn has_over(&self, request: &Sweep) -> bool {
        let first = self.of.get(&request.namespace).and_then(Page::first_key_value);
        first.is_some_and(|((until, _), _)| *until < request.expired_before)
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

    fn kept(tally: &Tally) -> usize {
        let generations = tally.generations();
        generations.young.kept + generations.old.kept
    }

    /// Whoever guesses has others counted beside, so that what is counted of their guesses is forgotten.
    #[test]
    fn no_flood_has_a_counter_forgotten_that_goes_on() {
        for victims_until in [1, 500, 2000] {
            let tally = Tally::new(8);
            let mut flood = 0..=u8::MAX;
            for guess in 1..=60 {
                assert_eq!(tally.add(counter("a", 255, victims_until)), guess);
                for of in flood.by_ref().take(3) {
                    assert_eq!(tally.add(counter("b", of, 1000 + u64::from(of))), 1);
                }
                assert!(kept(&tally) <= 8);
            }
        }
    }

    #[test]
    fn the_counter_goes_that_was_added_to_longest_ago() {
        let tally = Tally::new(4);
        for of in 1..=4 {
            assert_eq!(tally.add(counter("a", of, 50)), 1);
        }
        assert_eq!(kept(&tally), 4);
        assert_eq!(tally.add(counter("a", 1, 50)), 2);
        assert_eq!(tally.add(counter("b", 5, 10)), 1);
        // Taking back finds it wherever it is, and what counts nothing is not there.
        tally.take_back(&counter("a", 1, 50));
        tally.take_back(&counter("b", 5, 10));
        assert_eq!(tally.add(counter("a", 1, 50)), 2);
        // It has gone.
        assert_eq!(tally.add(counter("a", 2, 50)), 1);
        assert!(kept(&tally) <= 4);
    }

    #[test]
    fn room_is_given_back() {
        let tally = Tally::new(6);
        for round in 0..10 {
            for of in 0..4 {
                tally.add(counter("a", of, round));
            }
            tally.take_back(&counter("a", 0, round));
            let before = Timestamp::from_unix_millis(round + 1);
            let sweep = |limit: usize| {
                let limit = limit.try_into().unwrap();
                tally.forget(&Sweep::new(Namespace::new("a").unwrap(), before, limit))
            };
            assert_eq!(sweep(2), Swept::new(2, true));
            assert_eq!(sweep(10), Swept::new(1, false));
            assert_eq!(kept(&tally), 0);
        }
    }
}
