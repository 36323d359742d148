//! Counts those attempts in one statement that come to one counter at the same time.

use cloakroom_store::{Counter, Error, ErrorKind};
use tokio::time::timeout;

use super::Mysql;
use super::given_up::Kind;
use super::values::Values;
use crate::stores::counting::{self as together, Attempt, Attempts, Change, CountsTogether, Key};
use crate::stores::sql::corrupt;

impl Mysql {
    /// Counts an attempt, or takes it back, with those of others.
    ///
    /// # Errors
    ///
    /// When the server does not answer in time, or refuses. Whether it was counted is not known then.
    pub(super) async fn count_attempt(&self, change: Change, counter: Counter) -> Result<u64, Error> {
        let pool = &self.0.pool;
        let bound = pool.wait_timeout.saturating_add(pool.operation_timeout);
        timeout(bound, together::count(self, change, counter))
            .await
            .unwrap_or_else(|_elapsed| {
                Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "could not {} in {}: waited {bound:?} for those that came to the counter before: look for what \
                         holds locks, or for who tries to sign in so often",
                        change.doing(),
                        pool.dialing.server
                    ),
                ))
            })
    }

    /// Does the same so many times to a counter, and answers how often it has counted then.
    async fn change_counter(&self, change: Change, counter: &Counter, times: i64) -> Result<u64, Error> {
        let statement = match change {
            // It answers what it has written as the number that it says it inserted last.
            Change::Add => include_str!("sql/add.sql"),
            Change::TakeBack => include_str!("sql/take_back.sql"),
        };
        let key = |values: Values| {
            values
                .namespace(&counter.namespace)
                .moment(counter.until)
                .bytes(counter.counted.as_bytes())
        };
        let values = || match change {
            Change::Add => key(Values::default()).number(times).number(times),
            Change::TakeBack => key(Values::default().number(times)),
        };
        let answer = self
            .ask_at_place(Kind::Counter, change.doing(), statement, values)
            .await?;
        match change {
            Change::Add => answer
                .number
                .ok_or_else(|| corrupt("a counter that nobody knows the number of")),
            Change::TakeBack => Ok(0),
        }
    }
}

impl CountsTogether for Mysql {
    /// Each counter by itself: a statement answers one number, and waits for one row.
    type Group = Key;

    fn group(counter: &Counter) -> Key {
        Key::of(counter)
    }

    fn attempts(&self) -> &Attempts<Key> {
        &self.0.attempts
    }

    async fn count(&self, change: Change, attempts: Vec<Attempt>) {
        let Some(counter) = attempts.first().map(|attempt| attempt.counter.clone()) else {
            return;
        };
        let answers: Vec<_> = attempts.into_iter().map(|attempt| attempt.answer).collect();
        let times = i64::try_from(answers.len()).unwrap_or(i64::MAX);
        let by_now = self.change_counter(change, &counter, times).await;
        together::tell(answers, change, &by_now);
    }
}
