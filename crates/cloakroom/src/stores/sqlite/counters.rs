//! Counters: one table, and a row for each.

use cloakroom_store::{AddOne, Capabilities, Counter, Counters, Error, Store as _, Sweep, Swept, TakeBack};
use rusqlite::{Connection, params};

use super::Sqlite;
use super::failure::Fault;
use super::forget::Forget;
use super::job::Verb;
use super::row::key;
use crate::stores::sql::{corrupt, millis};

impl Counters for Sqlite {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        self.bounded(self.submit(request)).await
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        self.bounded(self.submit(request)).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        let statement = include_str!("sql/forget_counters.sql");
        self.bounded(self.submit(Forget { statement, request })).await
    }

    fn card(&self) -> Capabilities {
        self.capabilities()
    }
}

impl Verb for AddOne {
    type Answer = u64;

    /// What is answered survives that the process is killed. A loss of power takes the last attempts back, and whoever made
    /// them had to wait for the machine.
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<u64, Fault> {
        let Counter {
            namespace,
            counted,
            until,
            ..
        } = &self.counter;
        let times: i64 = connection
            .prepare_cached(include_str!("sql/add.sql"))?
            .query_row(
                params![key(namespace), millis(*until), counted.as_bytes()],
                |row| row.get(0),
            )?;
        Ok(u64::try_from(times).map_err(|_| corrupt("a counter below nothing"))?)
    }
}

impl Verb for TakeBack {
    type Answer = ();

    /// As counting.
    const DURABLE: bool = false;

    fn apply(&self, connection: &Connection) -> Result<(), Fault> {
        let Counter {
            namespace,
            counted,
            until,
            ..
        } = &self.counter;
        connection
            .prepare_cached(
                "UPDATE cloakroom_counters SET times = times - 1 \
                 WHERE namespace = ?1 AND until = ?2 AND counted = ?3 AND times > 0",
            )?
            .execute(params![key(namespace), millis(*until), counted.as_bytes()])?;
        Ok(())
    }
}
