//! Counters: that nothing is counted twice or not at all, and that each is its own.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::cancellation::{CUTS, cut_after};
use super::failure::{Failure, Held, ensure, same};
use super::fixture::{fresh_namespace, namespace};
use super::race::at_once;
use super::rule::Rule;
use crate::{
    AddOne, AnyCounters, Counted, Counter, Counters as _, Namespace, Sweep, Swept, TakeBack, Timestamp,
};

pub(super) fn rules() -> Vec<Rule<AnyCounters>> {
    macro_rules! rules {
        ($($rule:ident),+ $(,)?) => {
            vec![$(Rule::new(stringify!($rule), |counters| $rule(Tally::new(counters)))),+]
        };
    }
    rules![
        a_counter_begins_at_one,
        of_adds_at_once_each_is_counted_once,
        another_end_is_another_counter,
        what_is_counted_is_compared_as_bytes,
        counters_of_namespaces_never_meet,
        what_was_taken_back_does_not_count,
        a_counter_never_goes_below_nothing,
        taking_back_at_once_takes_back_each,
        a_counter_goes_far_and_comes_back,
        the_end_of_time_is_an_end_like_others,
        a_counter_counts_though_it_seems_to_be_over,
        a_dropped_add_counts_once_or_never,
        a_dropped_taking_back_counts_once_or_never,
        what_is_over_is_forgotten_and_no_other_counter,
    ]
}

/// Counters, in a namespace that nobody else uses.
#[derive(Clone)]
pub(super) struct Tally {
    pub(super) counters: AnyCounters,
    pub(super) namespace: Namespace,
    /// The clock's time when it was made: some engines let counters go by a clock of their own.
    now: Timestamp,
}

impl Tally {
    pub(super) fn new(counters: AnyCounters) -> Self {
        Self {
            counters,
            namespace: fresh_namespace(),
            now: SystemTime::now().into(),
        }
    }

    /// The moment so many hours from now.
    pub(super) fn in_hours(&self, hours: u64) -> Timestamp {
        self.now.saturating_add(Duration::from_hours(hours))
    }

    /// The counter of this that is over in a day.
    pub(super) fn counter(&self, of: u8) -> Counter {
        self.counter_until(of, self.in_hours(24))
    }

    fn counter_until(&self, of: u8, until: Timestamp) -> Counter {
        Counter::new(
            self.namespace.clone(),
            Counted::from_bytes([of; Counted::LEN]),
            until,
        )
    }

    pub(super) async fn add(&self, counter: &Counter) -> Result<u64, Failure> {
        let added = self.counters.add(AddOne::new(counter.clone())).await;
        added.map_err(|error| Failure::from(error).during("an add"))
    }

    pub(super) async fn take_back(&self, counter: &Counter) -> Held {
        let taken = self.counters.take_back(TakeBack::new(counter.clone())).await;
        taken.map_err(|error| Failure::from(error).during("taking back"))
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<Swept, Failure> {
        let limit = limit.try_into().expect("at least one");
        let request = Sweep::new(self.namespace.clone(), before, limit);
        let forgotten = self.counters.forget(request).await;
        forgotten.map_err(|error| Failure::from(error).during("forgetting"))
    }

    /// Adds so many at once, and answers what they were told, in order.
    async fn add_at_once(&self, round: usize, counter: &Counter, times: u64) -> Result<Vec<u64>, Failure> {
        let adds = (0..times).map(|_| {
            let (tally, counter) = (self.clone(), counter.clone());
            async move { tally.add(&counter).await }
        });
        let mut told = at_once(round, adds.collect()).await?;
        told.sort_unstable();
        Ok(told)
    }
}

async fn a_counter_begins_at_one(tally: Tally) -> Held {
    let counter = tally.counter(1);
    for expected in 1..=5 {
        same("a counter", &expected, &tally.add(&counter).await?)?;
    }
    same("another", &1, &tally.add(&tally.counter(2)).await?)?;
    same("the first", &6, &tally.add(&counter).await?)
}

/// The trap is to read, add and write: whoever guesses a hundred passwords at once is then counted as one.
async fn of_adds_at_once_each_is_counted_once(tally: Tally) -> Held {
    for round in 0..4 {
        let counter = tally.counter(round as u8);
        let told = tally.add_at_once(round, &counter, 100).await?;
        let expected: Vec<u64> = (1..=100).collect();
        same("what a hundred at once were told", &expected, &told)?;
        same("the next", &101, &tally.add(&counter).await?)?;
    }
    Ok(())
}

async fn another_end_is_another_counter(tally: Tally) -> Held {
    let until = tally.in_hours(24);
    let later = until.saturating_add(Duration::from_millis(1));
    for expected in 1..=3 {
        for end in [until, later, tally.in_hours(25)] {
            let counter = tally.counter_until(1, end);
            same("a counter", &expected, &tally.add(&counter).await?)?;
        }
    }
    tally.take_back(&tally.counter_until(1, later)).await?;
    let other = tally.counter_until(1, until);
    same("the one before it", &4, &tally.add(&other).await?)
}

async fn what_is_counted_is_compared_as_bytes(tally: Tally) -> Held {
    let until = tally.in_hours(24);
    let mut all = BTreeSet::new();
    for byte in [
        0, b' ', b'a', b'A', b'\r', b'\n', b'%', b'{', b'\\', 0x7f, 0x80, 0xff,
    ] {
        for place in [0, 7, Counted::LEN - 1] {
            let mut bytes = [b'a'; Counted::LEN];
            bytes[place] = byte;
            all.insert(bytes);
        }
        all.insert([byte; Counted::LEN]);
    }
    for expected in 1..=2 {
        for bytes in &all {
            let counted = Counted::from_bytes(*bytes);
            let counter = Counter::new(tally.namespace.clone(), counted, until);
            let found = tally.add(&counter).await?;
            same(format!("the counter of {counted}"), &expected, &found)?;
        }
    }
    Ok(())
}

async fn counters_of_namespaces_never_meet(tally: Tally) -> Held {
    let name = tally.namespace.as_str();
    let mut longest = format!("{name}-");
    longest.push_str(&"x".repeat(Namespace::MAX_LEN - longest.len()));
    let names = [
        name.to_owned(),
        name.to_uppercase(),
        format!("{name}-"),
        format!("{name}:"),
        longest,
    ];
    let of = |name: &String| Tally {
        namespace: namespace(name.clone()),
        ..tally.clone()
    };
    for expected in 1..=2 {
        for name in &names {
            let other = of(name);
            let found = other.add(&other.counter(1)).await?;
            same(format!("the counter in {name}"), &expected, &found)?;
        }
    }
    let last = of(&names[4]);
    last.take_back(&last.counter(1)).await?;
    last.forget(last.in_hours(48), 100).await?;
    for name in &names[..4] {
        let other = of(name);
        let found = other.add(&other.counter(1)).await?;
        same(format!("the counter in {name}"), &3, &found)?;
    }
    Ok(())
}

async fn what_was_taken_back_does_not_count(tally: Tally) -> Held {
    let counter = tally.counter(1);
    for _ in 0..3 {
        tally.add(&counter).await?;
    }
    tally.take_back(&counter).await?;
    same("after one was taken back", &3, &tally.add(&counter).await?)?;
    for _ in 0..2 {
        tally.take_back(&counter).await?;
    }
    same("after two more", &2, &tally.add(&counter).await?)
}

async fn a_counter_never_goes_below_nothing(tally: Tally) -> Held {
    let (counter, never) = (tally.counter(1), tally.counter(2));
    tally.take_back(&never).await?;
    same("one that was not there", &1, &tally.add(&never).await?)?;
    tally.add(&counter).await?;
    for _ in 0..3 {
        tally.take_back(&counter).await?;
    }
    for expected in 1..=2 {
        same(
            "after more was taken back than added",
            &expected,
            &tally.add(&counter).await?,
        )?;
    }
    Ok(())
}

async fn taking_back_at_once_takes_back_each(tally: Tally) -> Held {
    for round in 0..4 {
        let counter = tally.counter(round as u8);
        tally.add_at_once(round, &counter, 40).await?;
        let both = (0..50).map(|n| {
            let (tally, counter) = (tally.clone(), counter.clone());
            async move {
                match n % 5 {
                    0 | 2 => tally.add(&counter).await.map(drop),
                    _ => tally.take_back(&counter).await,
                }
            }
        });
        at_once(round, both.collect()).await?;
        same(
            "after 60 adds, and 30 taken back",
            &31,
            &tally.add(&counter).await?,
        )?;
    }
    Ok(())
}

/// Numbers get longer, and shorter again.
async fn a_counter_goes_far_and_comes_back(tally: Tally) -> Held {
    let counter = tally.counter(1);
    tally.add_at_once(0, &counter, 100).await?;
    same("one more than a hundred", &101, &tally.add(&counter).await?)?;
    for _ in 0..3 {
        tally.take_back(&counter).await?;
    }
    for expected in 99..=101 {
        same(
            "after three were taken back",
            &expected,
            &tally.add(&counter).await?,
        )?;
    }
    Ok(())
}

async fn the_end_of_time_is_an_end_like_others(tally: Tally) -> Held {
    let counter = tally.counter_until(1, Timestamp::MAX);
    for expected in 1..=3 {
        same(
            "a counter that is never over",
            &expected,
            &tally.add(&counter).await?,
        )?;
    }
    tally.forget(tally.in_hours(48), 100).await?;
    tally.take_back(&counter).await?;
    same("the same", &3, &tally.add(&counter).await?)
}

/// The trap is a server that lets go at once what is over by its own clock: where the clock of who counts is behind,
/// each attempt is the first one.
async fn a_counter_counts_though_it_seems_to_be_over(tally: Tally) -> Held {
    for ago in [Duration::from_hours(1), Duration::from_hours(24 * 365)] {
        let counter = tally.counter_until(1, tally.now.saturating_sub(ago));
        for expected in 1..=3 {
            same("a counter", &expected, &tally.add(&counter).await?)?;
        }
        tally.take_back(&counter).await?;
        same("after one was taken back", &3, &tally.add(&counter).await?)?;
    }
    Ok(())
}

async fn a_dropped_add_counts_once_or_never(tally: Tally) -> Held {
    for cut in 0..CUTS {
        let counter = tally.counter(cut as u8);
        tally.add(&counter).await?;
        cut_after(cut, tally.add(&counter)).await;
        // What was dropped may still arrive, between any two of these.
        let mut last = 1;
        for added in 2..=6 {
            let found = tally.add(&counter).await?;
            ensure(found > last && (added..=added + 1).contains(&found), || {
                format!("after {added} adds and a dropped one: found {found}, and {last} before")
            })?;
            last = found;
        }
    }
    Ok(())
}

async fn a_dropped_taking_back_counts_once_or_never(tally: Tally) -> Held {
    for cut in 0..CUTS {
        let counter = tally.counter(cut as u8);
        for _ in 0..3 {
            tally.add(&counter).await?;
        }
        cut_after(cut, tally.take_back(&counter)).await;
        for added in 4..=6 {
            let found = tally.add(&counter).await?;
            ensure((added - 1..=added).contains(&found), || {
                format!("after {added} adds, and taking back that was dropped: found {found}")
            })?;
        }
    }
    Ok(())
}

async fn what_is_over_is_forgotten_and_no_other_counter(tally: Tally) -> Held {
    let all: Vec<Counter> = (1..=10)
        .map(|hour| tally.counter_until(hour, tally.in_hours(hour.into())))
        .collect();
    for counter in &all {
        tally.add(counter).await?;
        tally.add(counter).await?;
    }
    let before = tally.in_hours(5);
    let mut forgotten = 0;
    loop {
        let swept = tally.forget(before, 2).await?;
        ensure(swept.removed <= 2, || {
            format!("at most 2 at a time, found {}", swept.removed)
        })?;
        forgotten += swept.removed;
        if !swept.more {
            break;
        }
    }
    // The one that is over at that very moment is not over before it.
    let (over, live) = all.split_at(4);
    let expected = if tally.counters.card().expires_by_itself {
        0
    } else {
        over.len() as u64
    };
    same("how many were forgotten", &expected, &forgotten)?;
    for counter in live {
        same(
            format!("the counter until {:?}", counter.until),
            &3,
            &tally.add(counter).await?,
        )?;
    }
    for counter in over.iter().filter(|_| expected > 0) {
        same("one that was forgotten", &1, &tally.add(counter).await?)?;
    }
    Ok(())
}
