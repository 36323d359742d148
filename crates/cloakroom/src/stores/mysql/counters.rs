//! Counters: one table, and a row for each, which whoever counts locks for as long as one statement takes.

use cloakroom_store::{AddOne, Capabilities, Counter, Counters, Error, Sweep, Swept, TakeBack};

use super::given_up::Kind;
use super::values::Values;
use super::{Mysql, sweep};
use crate::stores::sql::corrupt;

impl Counters for Mysql {
    /// One statement, which answers what it has written as the number that it says it inserted last.
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        let values = move || row(&request.counter);
        let answer = self
            .ask_in_turn(
                Kind::Counter,
                "count an attempt",
                include_str!("sql/add.sql"),
                values,
            )
            .await?;
        answer
            .number
            .ok_or_else(|| corrupt("a counter that nobody knows the number of"))
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        const TAKE_BACK: &str = "UPDATE cloakroom_counters SET times = times - 1 \
                                 WHERE namespace = ? AND over_at = ? AND counted = ? AND times > 0";
        let values = move || row(&request.counter);
        self.ask_in_turn(Kind::Counter, "take back an attempt", TAKE_BACK, values)
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

    fn card(&self) -> Capabilities {
        self.0.card
    }
}

fn row(counter: &Counter) -> Values {
    Values::of(&counter.namespace)
        .moment(counter.until)
        .bytes(counter.counted.as_bytes())
}
