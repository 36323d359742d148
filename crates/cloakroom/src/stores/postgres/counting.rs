//! Counts what comes at the same time in one statement: it waits for one commit, and not each for those of all before it.
//!
//! Whoever tries to sign in again and again comes to one counter, and a row is written by one statement after the other. One
//! for each attempt would leave no time for those of others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_store::{Counter, Error, ErrorKind};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};

use super::{Postgres, failure, row, store};
use crate::stores::sql::{corrupt, millis};

/// What is done to a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    TakeBack,
}

/// What waits for its turn to be counted.
pub(super) struct Attempts {
    // Locked for a moment, never over an await.
    waiting: Mutex<Waiting>,
    /// Where the store was connected. What counts for many is not to stand still with the runtime of one.
    runtime: Handle,
}

#[derive(Default)]
struct Waiting {
    attempts: Vec<Attempt>,
    /// Whether a task takes what waits, until nothing does.
    is_taken: bool,
}

struct Attempt {
    counter: Counter,
    change: Change,
    answer: Answer,
}

/// Where it is told how often there have been attempts by now, this one among them.
type Answer = oneshot::Sender<Result<u64, Error>>;

/// How many are counted in one statement at most.
const MOST: usize = 1000;

impl Postgres {
    /// Counts an attempt, or takes it back, with those of others.
    ///
    /// # Errors
    ///
    /// When the server does not answer in time, or refuses. Whether it was counted is not known then.
    pub(super) async fn count_attempt(&self, change: Change, counter: Counter) -> Result<u64, Error> {
        let (answer, answered) = oneshot::channel();
        let attempt = Attempt {
            counter,
            change,
            answer,
        };
        if self.0.attempts.push(attempt) {
            // Made here: also a task that never runs lets go.
            let taking = Taking {
                store: self.clone(),
                is_over: false,
            };
            // In a task of its own: whoever stops waiting takes nobody else's answer along.
            self.0.attempts.runtime.spawn(taking.count_what_waits());
        }
        match timeout(self.0.bound, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_gone)) => Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "could not {}: what does it has ended, perhaps with the runtime on which the store was connected",
                    change.doing()
                ),
            )),
            Err(_elapsed) => Err(failure::too_slow(change.doing(), &self.0.address)),
        }
    }

    /// Does the same to the counters of some attempts, and tells each.
    async fn count(&self, change: Change, attempts: Vec<Attempt>) {
        let mut counters = BTreeMap::<Key, Vec<Answer>>::new();
        for Attempt { counter, answer, .. } in attempts {
            counters.entry(Key::of(&counter)).or_default().push(answer);
        }
        let (mut namespaces, mut untils, mut counted, mut times) = (vec![], vec![], vec![], vec![]);
        for (key, answers) in &counters {
            namespaces.push(&key.namespace[..]);
            untils.push(key.until);
            counted.push(&key.counted[..]);
            times.push(i64::try_from(answers.len()).unwrap_or(i64::MAX));
        }
        let rows = self
            .0
            .reach
            .count(change.doing(), async |client| {
                let values: [(&(dyn ToSql + Sync), Type); 4] = [
                    (&namespaces, Type::BYTEA_ARRAY),
                    (&untils, Type::INT8_ARRAY),
                    (&counted, Type::BYTEA_ARRAY),
                    (&times, Type::INT8_ARRAY),
                ];
                client.query_typed(change.statement(), &values).await
            })
            .await;
        let by_now = rows.and_then(|rows| {
            let times = rows.iter().map(|found| {
                let times: i64 = row::column(found, 3)?;
                let times = u64::try_from(times).map_err(|_| corrupt("a counter below nothing"))?;
                Ok((Key::read(found)?, times))
            });
            times.collect::<Result<BTreeMap<_, _>, Error>>()
        });
        for (key, answers) in counters {
            let all = answers.len() as u64;
            for (answer, number) in answers.into_iter().zip(1..) {
                let told = match (&by_now, change) {
                    (Ok(_), Change::TakeBack) => Ok(0),
                    (Ok(by_now), Change::Add) => by_now
                        .get(&key)
                        .and_then(|times| (times + number).checked_sub(all))
                        .ok_or_else(|| corrupt("a counter that nobody knows the number of")),
                    (Err(error), _) => Err(again(error)),
                };
                // Nobody may be waiting any more. It has been counted all the same.
                drop(answer.send(told));
            }
        }
    }
}

impl Change {
    /// What is done, in messages.
    fn doing(self) -> &'static str {
        match self {
            Self::Add => "count an attempt",
            Self::TakeBack => "take back an attempt",
        }
    }

    fn statement(self) -> &'static str {
        match self {
            Self::Add => include_str!("sql/add.sql"),
            Self::TakeBack => include_str!("sql/take_back.sql"),
        }
    }
}

impl Attempts {
    pub(super) fn counted_on(runtime: Handle) -> Self {
        Self {
            waiting: Mutex::default(),
            runtime,
        }
    }

    /// Has it wait. Answers whether there has to be a task that takes it.
    fn push(&self, attempt: Attempt) -> bool {
        let mut waiting = self.lock();
        waiting.attempts.push(attempt);
        !std::mem::replace(&mut waiting.is_taken, true)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that takes what waits: however it ends, those who wait are told, and the next attempt begins another.
struct Taking {
    store: Postgres,
    /// Nothing waited any more. From then on another task may be at it.
    is_over: bool,
}

impl Taking {
    async fn count_what_waits(mut self) {
        while let Some(attempts) = self.next() {
            let (adds, takes): (Vec<_>, _) = attempts
                .into_iter()
                .partition(|attempt| attempt.change == Change::Add);
            for (change, attempts) in [(Change::Add, adds), (Change::TakeBack, takes)] {
                if !attempts.is_empty() {
                    self.store.count(change, attempts).await;
                }
            }
        }
    }

    /// Those that somebody still waits for, or nothing when there are none: then this has ended.
    fn next(&mut self) -> Option<Vec<Attempt>> {
        let mut waiting = self.store.0.attempts.lock();
        waiting.attempts.retain(|attempt| !attempt.answer.is_closed());
        let count = waiting.attempts.len().min(MOST);
        waiting.is_taken = count > 0;
        self.is_over = count == 0;
        (count > 0).then(|| waiting.attempts.drain(..count).collect())
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if !self.is_over {
            // Whose answers are dropped with it.
            *self.store.0.attempts.lock() = Waiting::default();
        }
    }
}

/// What names a row, in the order in which rows are written.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    namespace: Vec<u8>,
    until: i64,
    counted: Vec<u8>,
}

impl Key {
    fn of(counter: &Counter) -> Self {
        Self {
            namespace: store::bytes(&counter.namespace).to_vec(),
            until: millis(counter.until),
            counted: counter.counted.as_bytes().to_vec(),
        }
    }

    fn read(row: &tokio_postgres::Row) -> Result<Self, Error> {
        Ok(Self {
            namespace: row::column(row, 0)?,
            until: row::column(row, 1)?,
            counted: row::column(row, 2)?,
        })
    }
}

/// The same error, for another who waited.
fn again(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.to_string());
    match std::error::Error::source(error) {
        Some(cause) => same.with_source(cause.to_string()),
        None => same,
    }
}
