//! Counters: one table, and a row for each, which whoever counts locks for as long as one statement takes.

use cloakroom_store::{AddOne, Capabilities, Counters, Error, Sweep, Swept, TakeBack};

use super::{Mysql, sweep};
use crate::stores::counting::Change;

impl Counters for Mysql {
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

    fn card(&self) -> Capabilities {
        self.0.card
    }
}
