//! Counters: one table, and a row for each, which whoever counts locks for as long as one statement takes.

use cloakroom_store::{AddOne, Capabilities, Counter, Counters, Error, Marks, Sweep, Swept, TakeBack};

use super::given_up::Work;
use super::{Postgres, store, sweep};
use crate::stores::sql::{corrupt, millis};

impl Counters for Postgres {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        let (namespace, until, counted) = columns(&request.counter);
        let times: i64 = self
            .0
            .reach
            .request("count an attempt", Work::Writes, async |prepared| {
                prepared
                    .client
                    .query_one_scalar(&prepared.statements.add, &[&namespace, &until, &counted])
                    .await
            })
            .await?;
        u64::try_from(times).map_err(|_| corrupt("a counter below nothing"))
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        let (namespace, until, counted) = columns(&request.counter);
        self.0
            .reach
            .request("take back an attempt", Work::Writes, async |prepared| {
                prepared
                    .client
                    .execute(&prepared.statements.take_back, &[&namespace, &until, &counted])
                    .await
            })
            .await
            .map(drop)
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        sweep::forget(
            self,
            "forget counters",
            include_str!("sql/forget_counters.sql"),
            &request,
        )
        .await
    }

    /// That of the marks: this table is never an unlogged one either.
    fn card(&self) -> Capabilities {
        Marks::card(self)
    }
}

/// What names a row.
fn columns(counter: &Counter) -> (&[u8], i64, &[u8]) {
    let until = millis(counter.until);
    (
        store::bytes(&counter.namespace),
        until,
        counter.counted.as_bytes(),
    )
}
