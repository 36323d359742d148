//! Counters: one table, and a row for each, which whoever counts locks for as long as one statement takes.

use cloakroom_store::{AddOne, Capabilities, Counter, Counters, Error, Marks, Sweep, Swept, TakeBack};
use tokio_postgres::types::{ToSql, Type};

use super::{Postgres, row, store, sweep};
use crate::stores::sql::{corrupt, millis};

impl Counters for Postgres {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        const ADD: &str = "INSERT INTO cloakroom_counters AS c VALUES ($1, $2, $3, 1) \
                           ON CONFLICT (namespace, until, counted) DO UPDATE SET times = c.times + 1 RETURNING times";
        let counter = Columns::of(&request.counter);
        let row = self.0.reach.count("count an attempt", async |client| {
            client.query_typed_one(ADD, &counter.values()).await
        });
        let times: i64 = row::column(&row.await?, 0)?;
        u64::try_from(times).map_err(|_| corrupt("a counter below nothing"))
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        const TAKE_BACK: &str = "UPDATE cloakroom_counters SET times = times - 1 \
                                 WHERE namespace = $1 AND until = $2 AND counted = $3 AND times > 0";
        let counter = Columns::of(&request.counter);
        let taken = self.0.reach.count("take back an attempt", async |client| {
            client.execute_typed(TAKE_BACK, &counter.values()).await
        });
        taken.await.map(drop)
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
struct Columns<'a> {
    namespace: &'a [u8],
    until: i64,
    counted: &'a [u8],
}

impl<'a> Columns<'a> {
    fn of(counter: &'a Counter) -> Self {
        Self {
            namespace: store::bytes(&counter.namespace),
            until: millis(counter.until),
            counted: counter.counted.as_bytes(),
        }
    }

    /// With their types it is one round trip, not three.
    fn values(&self) -> [(&(dyn ToSql + Sync), Type); 3] {
        [
            (&self.namespace, Type::BYTEA),
            (&self.until, Type::INT8),
            (&self.counted, Type::BYTEA),
        ]
    }
}
