//! The rules about counters, held against a store that keeps them and ones that do not.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use cloakroom_store::conformance::{self, Restarts};
use cloakroom_store::{
    AddOne, AnyCounters, Capabilities, Counted, Counter, Counters, Error, ErrorKind, Namespace, Residence,
    Sweep, Swept, TakeBack, Timestamp,
};
use tokio::task::yield_now;

/// Counters in memory.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    flaw: Option<Flaw>,
    survives: bool,
    kept: Arc<Mutex<HashMap<Counter, i64>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    AddsToWhatItHasRead,
    AddsTwiceWhenDropped,
    AnswersWhatWasThere,
    FoldsCase,
    ForgetsMoreThanAsked,
    ForgetsWhatLives,
    GoesBelowNothing,
    HasTwoDigits,
    IgnoresEnds,
    IgnoresNamespaces,
    LetsGoOfWhatIsOver,
    LosesTheLast,
    NeverTakesBack,
    RefusesToTakeBackNothing,
    TakesBackFromWhatItHasRead,
    TakesBackTwiceWhenDropped,
    TakesTheEndOfTimeForThePast,
}

/// Each flaw, and the rules that it breaks.
const FLAWS: &[(Flaw, &[&str])] = &[
    (
        Flaw::AddsToWhatItHasRead,
        &[
            "of_adds_at_once_each_is_counted_once",
            "taking_back_at_once_takes_back_each",
        ],
    ),
    (
        Flaw::AddsTwiceWhenDropped,
        &["a_dropped_add_counts_once_or_never"],
    ),
    (Flaw::AnswersWhatWasThere, &["a_counter_begins_at_one"]),
    (Flaw::FoldsCase, &["what_is_counted_is_compared_as_bytes"]),
    (
        Flaw::ForgetsMoreThanAsked,
        &["what_is_over_is_forgotten_and_no_other_counter"],
    ),
    (
        Flaw::ForgetsWhatLives,
        &["what_is_over_is_forgotten_and_no_other_counter"],
    ),
    (Flaw::GoesBelowNothing, &["a_counter_never_goes_below_nothing"]),
    (Flaw::HasTwoDigits, &["a_counter_goes_far_and_comes_back"]),
    (Flaw::IgnoresEnds, &["another_end_is_another_counter"]),
    (Flaw::IgnoresNamespaces, &["counters_of_namespaces_never_meet"]),
    (
        Flaw::LetsGoOfWhatIsOver,
        &["a_counter_counts_though_it_seems_to_be_over"],
    ),
    (Flaw::NeverTakesBack, &["what_was_taken_back_does_not_count"]),
    (
        Flaw::RefusesToTakeBackNothing,
        &["a_counter_never_goes_below_nothing"],
    ),
    (
        Flaw::TakesBackFromWhatItHasRead,
        &["taking_back_at_once_takes_back_each"],
    ),
    (
        Flaw::TakesBackTwiceWhenDropped,
        &["a_dropped_taking_back_counts_once_or_never"],
    ),
    (
        Flaw::TakesTheEndOfTimeForThePast,
        &["the_end_of_time_is_an_end_like_others"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_counts_conforms() {
    conformance::run_counters(Tally::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_is_found_and_each_rule_finds_one() {
    for (flaw, broken) in FLAWS {
        let tally = Tally {
            flaw: Some(*flaw),
            ..Tally::default()
        };
        for rule in conformance::counter_rules() {
            if broken.contains(&rule.name()) {
                let checked = rule.check(AnyCounters::new(tally.clone())).await;
                assert!(checked.is_err(), "{flaw:?} was not found by {}", rule.name());
            }
        }
    }
    let found: BTreeSet<_> = FLAWS.iter().flat_map(|(_, broken)| *broken).copied().collect();
    let rules = conformance::counter_rules();
    assert_eq!(
        rules.iter().map(|rule| rule.name()).collect::<BTreeSet<_>>(),
        found
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_survive_restarts_as_the_card_says() {
    for survives in [true, false] {
        conformance::run_counter_restarts(restarts(survives, None)).await;
    }
    for rule in conformance::counter_restart_rules() {
        let checked = rule.check(restarts(true, Some(Flaw::LosesTheLast))).await;
        assert!(checked.is_err(), "{} finds no loss", rule.name());
    }
}

/// Counters that a restart leaves as they were, or takes away.
fn restarts(survives: bool, flaw: Option<Flaw>) -> Restarts<AnyCounters> {
    let kept = Mutex::new(Tally {
        flaw,
        survives,
        ..Tally::default()
    });
    Restarts::of_counters(move || {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !survives {
            kept.kept = Arc::default();
        }
        if flaw == Some(Flaw::LosesTheLast) {
            kept.kept().values_mut().for_each(|count| *count -= 1);
        }
        std::future::ready(kept.clone())
    })
}

impl Tally {
    fn kept(&self) -> MutexGuard<'_, HashMap<Counter, i64>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// Which counter this store takes it for.
    fn key(&self, mut counter: Counter) -> Counter {
        match self.flaw {
            Some(Flaw::FoldsCase) => {
                let folded = counter.counted.as_bytes().map(|byte| byte.to_ascii_lowercase());
                counter.counted = Counted::from_bytes(folded);
            }
            Some(Flaw::IgnoresEnds) => counter.until = Timestamp::default(),
            Some(Flaw::IgnoresNamespaces) => {
                counter.namespace = Namespace::new("one").expect("it is a namespace");
            }
            _ => {}
        }
        counter
    }

    fn change(&self, counter: &Counter, by: i64) -> i64 {
        let mut kept = self.kept();
        let count = kept.entry(counter.clone()).or_default();
        *count += by;
        if !self.has(Flaw::GoesBelowNothing) {
            *count = (*count).max(0);
        }
        if self.has(Flaw::HasTwoDigits) {
            *count = (*count).min(99);
        }
        *count
    }

    fn read(&self, counter: &Counter) -> i64 {
        self.kept().get(counter).copied().unwrap_or(0)
    }
}

impl Counters for Tally {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        let counter = self.key(request.counter);
        let counted = match self.flaw {
            Some(Flaw::AddsToWhatItHasRead) => {
                let seen = self.read(&counter);
                yield_now().await;
                self.kept().insert(counter, seen + 1);
                seen + 1
            }
            Some(Flaw::AddsTwiceWhenDropped) => {
                self.change(&counter, 2);
                yield_now().await;
                self.change(&counter, -1)
            }
            Some(Flaw::LetsGoOfWhatIsOver) if counter.until < Timestamp::from(SystemTime::now()) => 1,
            Some(Flaw::AnswersWhatWasThere) => self.change(&counter, 1) - 1,
            _ => self.change(&counter, 1),
        };
        Ok(counted.unsigned_abs())
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        let counter = self.key(request.counter);
        match self.flaw {
            Some(Flaw::NeverTakesBack) => {}
            Some(Flaw::RefusesToTakeBackNothing) if self.read(&counter) == 0 => {
                return Err(Error::new(ErrorKind::Corrupt, "there is nothing to take back"));
            }
            Some(Flaw::TakesBackFromWhatItHasRead) => {
                let seen = self.read(&counter);
                yield_now().await;
                self.kept().insert(counter, (seen - 1).max(0));
            }
            Some(Flaw::TakesBackTwiceWhenDropped) => {
                self.change(&counter, -2);
                yield_now().await;
                self.change(&counter, 1);
            }
            _ => {
                self.change(&counter, -1);
            }
        }
        Ok(())
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        let is_over = |until: Timestamp| {
            until < request.expired_before
                || self.has(Flaw::ForgetsWhatLives)
                || (self.has(Flaw::TakesTheEndOfTimeForThePast) && until == Timestamp::MAX)
        };
        let limit = match self.flaw {
            Some(Flaw::ForgetsMoreThanAsked) => usize::MAX,
            _ => request.limit.get(),
        };
        let mut kept = self.kept();
        let over: Vec<Counter> = kept
            .keys()
            .filter(|counter| is_over(counter.until))
            .filter(|counter| self.has(Flaw::IgnoresNamespaces) || counter.namespace == request.namespace)
            .take(limit)
            .cloned()
            .collect();
        for counter in &over {
            kept.remove(counter);
        }
        Ok(Swept::new(over.len() as u64, over.len() >= limit))
    }

    fn card(&self) -> Capabilities {
        Capabilities::new("tally", Residence::Process).survives_restart(self.survives)
    }
}
