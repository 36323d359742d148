//! Counters: one table, and a row for each, which whoever counts locks for as long as one statement takes.

use cloakroom_store::{AddOne, Capabilities, Counter, Counters, Error, Marks, Sweep, Swept, TakeBack};

use super::given_up::Work;
use super::{Postgres, store};
use crate::stores::sql::{corrupt, millis};

impl Counters for Postgres {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        let Counter {
            namespace,
            counted,
            until,
            ..
        } = request.counter;
        let (namespace, until, counted) = (store::bytes(&namespace), millis(until), &counted.as_bytes()[..]);
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
        let Counter {
            namespace,
            counted,
            until,
            ..
        } = request.counter;
        let (namespace, until, counted) = (store::bytes(&namespace), millis(until), &counted.as_bytes()[..]);
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
        let namespace = store::bytes(&request.namespace);
        let (before, limit) = (millis(request.expired_before), store::rows(request.limit));
        let forgotten = self
            .0
            .reach
            .sweep("forget counters", async |client| {
                client
                    .execute(
                        include_str!("sql/forget_counters.sql"),
                        &[&namespace, &before, &limit],
                    )
                    .await
            })
            .await?;
        Ok(Swept::new(forgotten, forgotten >= limit.unsigned_abs()))
    }

    /// That of the marks: this table is never an unlogged one either.
    fn card(&self) -> Capabilities {
        Marks::card(self)
    }
}
