//! Attempts that come at the same time are counted together: they wait for one commit, and not each for those of all before
//! it.
//!
//! Whoever tries to sign in again and again comes to one counter, and a row is written by one statement after the other. One
//! for each attempt would leave no time for those of others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{Counter, Error, ErrorKind};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::sql::{corrupt, millis};

/// What is done to a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    TakeBack,
}

impl Change {
    /// What is done, in messages.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Add => "count an attempt",
            Self::TakeBack => "take back an attempt",
        }
    }
}

/// A store that counts attempts together.
pub(crate) trait CountsTogether: Clone + Send + Sync + 'static {
    /// What is counted by one task, and so by one statement after the other.
    type Group: Ord + Clone + Send + 'static;

    /// Where an attempt waits.
    fn group(counter: &Counter) -> Self::Group;

    fn attempts(&self) -> &Attempts<Self::Group>;

    /// Does the same to the counters of some attempts of a group, and [tells](tell) each.
    fn count(&self, change: Change, attempts: Vec<Attempt>) -> impl Future<Output = ()> + Send;
}

/// What waits for its turn to be counted.
pub(crate) struct Attempts<Group> {
    /// Of each group that a task takes from, until nothing of it waits. Locked for a moment, never over an await.
    waiting: Mutex<BTreeMap<Group, Vec<Attempt>>>,
    /// Where the store was connected. What counts for many is not to stand still with the runtime of one.
    runtime: Handle,
}

/// Somebody who waits to be told.
pub(crate) struct Attempt {
    pub(crate) counter: Counter,
    change: Change,
    pub(crate) answer: Answer,
}

/// Where it is told how often there have been attempts by now, this one among them.
pub(crate) type Answer = oneshot::Sender<Result<u64, Error>>;

/// How many are counted at once at most.
const MOST: usize = 1000;

/// Counts an attempt, or takes it back, with those of others. Nothing bounds how long that takes.
///
/// # Errors
///
/// Those of the store. Whether it was counted is not known then.
pub(crate) async fn count<S: CountsTogether>(
    store: &S,
    change: Change,
    counter: Counter,
) -> Result<u64, Error> {
    let (answer, answered) = oneshot::channel();
    let group = S::group(&counter);
    let attempt = Attempt {
        counter,
        change,
        answer,
    };
    if store.attempts().push(group.clone(), attempt) {
        // Made here: also a task that never runs lets go.
        let taking = Taking {
            store: store.clone(),
            group,
            is_over: false,
        };
        // In a task of its own: whoever stops waiting takes nobody else's answer along.
        store.attempts().runtime.spawn(taking.count_what_waits());
    }
    answered.await.unwrap_or_else(|_gone| {
        Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "could not {}: what does it has ended, perhaps with the runtime on which the store was connected",
                change.doing()
            ),
        ))
    })
}

/// Tells those who came to one counter how often there had been attempts with each that was added: so many `by_now`, with
/// the last of them.
pub(crate) fn tell(answers: Vec<Answer>, change: Change, by_now: &Result<u64, Error>) {
    let all = answers.len() as u64;
    for (answer, number) in answers.into_iter().zip(1..) {
        let told = match (by_now, change) {
            (Ok(_), Change::TakeBack) => Ok(0),
            (Ok(by_now), Change::Add) => (by_now + number)
                .checked_sub(all)
                .ok_or_else(|| corrupt("a counter that has counted less than it was told to")),
            (Err(error), _) => Err(again(error)),
        };
        // Nobody may be waiting any more. It has been counted all the same.
        drop(answer.send(told));
    }
}

impl<Group: Ord> Attempts<Group> {
    pub(crate) fn counted_on(runtime: Handle) -> Self {
        Self {
            waiting: Mutex::default(),
            runtime,
        }
    }

    /// Has it wait. Answers whether there has to be a task that takes it.
    fn push(&self, group: Group, attempt: Attempt) -> bool {
        let mut waiting = self.lock();
        if let Some(attempts) = waiting.get_mut(&group) {
            attempts.push(attempt);
            return false;
        }
        waiting.insert(group, vec![attempt]);
        true
    }

    /// Those of a group that somebody still waits for, or nothing when there are none: then its task has ended.
    fn next(&self, group: &Group) -> Option<Vec<Attempt>> {
        let mut waiting = self.lock();
        let attempts = waiting.get_mut(group)?;
        attempts.retain(|attempt| !attempt.answer.is_closed());
        let count = attempts.len().min(MOST);
        if count == 0 {
            waiting.remove(group);
            return None;
        }
        Some(attempts.drain(..count).collect())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Group, Vec<Attempt>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that takes what waits of a group: however it ends, those who wait are told, and the next attempt begins another.
struct Taking<S: CountsTogether> {
    store: S,
    group: S::Group,
    /// Nothing waited any more. From then on another task may be at it.
    is_over: bool,
}

impl<S: CountsTogether> Taking<S> {
    async fn count_what_waits(mut self) {
        while let Some(attempts) = self.store.attempts().next(&self.group) {
            let (adds, takes): (Vec<_>, _) = attempts
                .into_iter()
                .partition(|attempt| attempt.change == Change::Add);
            for (change, attempts) in [(Change::Add, adds), (Change::TakeBack, takes)] {
                if !attempts.is_empty() {
                    self.store.count(change, attempts).await;
                }
            }
        }
        self.is_over = true;
    }
}

impl<S: CountsTogether> Drop for Taking<S> {
    fn drop(&mut self) {
        if !self.is_over {
            // Whose answers are dropped with it.
            let left = self.store.attempts().lock().remove(&self.group);
            drop(left);
        }
    }
}

/// What names a counter, in the order in which their rows are written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: Vec<u8>,
    pub(crate) until: i64,
    pub(crate) counted: Vec<u8>,
}

impl Key {
    pub(crate) fn of(counter: &Counter) -> Self {
        Self {
            namespace: counter.namespace.as_str().as_bytes().to_vec(),
            until: millis(counter.until),
            counted: counter.counted.as_bytes().to_vec(),
        }
    }
}

/// The same error, for another who waited.
pub(crate) fn again(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.to_string());
    match std::error::Error::source(error) {
        Some(cause) => same.with_source(cause.to_string()),
        None => same,
    }
}
