//! Counts all attempts that come at the same time in one statement.

use std::collections::BTreeMap;

use cloakroom_store::{Counter, Error};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::{Postgres, failure, row};
use crate::stores::counting::{self as together, Answer, Attempt, Attempts, Change, CountsTogether, Key};
use crate::stores::sql::corrupt;

impl Postgres {
    /// Counts an attempt, or takes it back, with those of others.
    ///
    /// # Errors
    ///
    /// When the server does not answer in time, or refuses. Whether it was counted is not known then.
    pub(super) async fn count_attempt(&self, change: Change, counter: Counter) -> Result<u64, Error> {
        timeout(self.0.bound, together::count(self, change, counter))
            .await
            .unwrap_or_else(|_elapsed| Err(failure::too_slow(change.doing(), &self.0.address)))
    }

    /// Does the same so many times to each of these counters, and answers what they say then.
    async fn change_counters(
        &self,
        change: Change,
        counters: &BTreeMap<Key, Vec<Answer>>,
    ) -> Result<BTreeMap<Key, u64>, Error> {
        let (mut namespaces, mut untils, mut counted, mut times) = (vec![], vec![], vec![], vec![]);
        for (key, answers) in counters {
            namespaces.push(&key.namespace[..]);
            untils.push(key.until);
            counted.push(&key.counted[..]);
            times.push(i64::try_from(answers.len()).unwrap_or(i64::MAX));
        }
        let statement = match change {
            Change::Add => include_str!("sql/add.sql"),
            Change::TakeBack => include_str!("sql/take_back.sql"),
        };
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
                client.query_typed(statement, &values).await
            })
            .await?;
        rows.iter().map(read).collect()
    }
}

impl CountsTogether for Postgres {
    /// All of them.
    type Group = ();

    fn group(_: &Counter) {}

    fn attempts(&self) -> &Attempts<()> {
        &self.0.attempts
    }

    async fn count(&self, change: Change, attempts: Vec<Attempt>) {
        let mut counters = BTreeMap::<Key, Vec<Answer>>::new();
        for Attempt { counter, answer, .. } in attempts {
            counters.entry(Key::of(&counter)).or_default().push(answer);
        }
        let by_now = self.change_counters(change, &counters).await;
        for (key, answers) in counters {
            let by_now = match (&by_now, change) {
                (Ok(_), Change::TakeBack) => Ok(0),
                (Ok(by_now), Change::Add) => by_now
                    .get(&key)
                    .copied()
                    .ok_or_else(|| corrupt("a counter that nobody knows the number of")),
                (Err(error), _) => Err(together::again(error)),
            };
            together::tell(answers, change, &by_now);
        }
    }
}

/// A counter, and how often there have been attempts.
fn read(found: &Row) -> Result<(Key, u64), Error> {
    let key = Key {
        namespace: row::column(found, 0)?,
        until: row::column(found, 1)?,
        counted: row::column(found, 2)?,
    };
    let times: i64 = row::column(found, 3)?;
    let times = u64::try_from(times).map_err(|_| corrupt("a counter below nothing"))?;
    Ok((key, times))
}
