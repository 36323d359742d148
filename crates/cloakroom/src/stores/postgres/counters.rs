//! Counters: one table, and a row for each, which whoever counts locks for as long as one statement takes.

use cloakroom_store::{AddOne, Capabilities, Counters, Error, Marks, Sweep, Swept, TakeBack};

use super::{Postgres, sweep};
use crate::stores::counting::Change;

impl Counters for Postgres {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        self.count_attempt(Change::Add, request.counter).await
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        let taken = self.count_attempt(Change::TakeBack, request.counter).await;
        taken.map(drop)
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
