//! Counters: a number under namespace, end, and what is counted.

use cloakroom_store::{
    AddOne, Capabilities, Counters, Error, Namespace, Store as _, Sweep, Swept, TakeBack, Timestamp,
};
use redb::{ReadableTable, TableDefinition};

use super::Disk;
use super::failure::Fault;
use super::job::Verb;
use super::key;
use super::tables::Tables;

type Bytes = &'static [u8];

/// How often something was tried. One that counts nothing is not there.
const COUNTERS: TableDefinition<'_, Bytes, u64> = TableDefinition::new("cloakroom.counters");

/// How many counters are forgotten in one transaction.
const STEP: usize = 256;

impl Counters for Disk {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        self.submit(request).await
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        self.submit(request).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        self.submit(ForgetCounters {
            namespace: request.namespace,
            before: request.expired_before,
            at_most: request.limit.get().min(STEP),
        })
        .await
    }

    fn card(&self) -> Capabilities {
        self.capabilities()
    }
}

impl Verb for AddOne {
    type Answer = u64;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<u64, Fault> {
        let mut counters = tables.changing().open_table(COUNTERS)?;
        let key = key::counter(&self.counter);
        let times = counters.get(&*key)?.map_or(0, |times| times.value()) + 1;
        counters.insert(&*key, times)?;
        Ok(times)
    }
}

impl Verb for TakeBack {
    type Answer = ();

    fn apply(&self, tables: &mut Tables<'_>) -> Result<(), Fault> {
        let mut counters = tables.changing().open_table(COUNTERS)?;
        let key = key::counter(&self.counter);
        let times = counters.get(&*key)?.map_or(0, |times| times.value());
        match times {
            0 => {}
            1 => drop(counters.remove(&*key)?),
            times => drop(counters.insert(&*key, times - 1)?),
        }
        Ok(())
    }
}

/// A step of forgetting counters.
struct ForgetCounters {
    namespace: Namespace,
    before: Timestamp,
    at_most: usize,
}

impl Verb for ForgetCounters {
    type Answer = Swept;

    /// What a crash brings back is over, and is forgotten again.
    const DURABLE: bool = false;

    fn apply(&self, tables: &mut Tables<'_>) -> Result<Swept, Fault> {
        let mut counters = tables.changing().open_table(COUNTERS)?;
        let range = key::counters(&self.namespace, self.before);
        let mut over = Vec::with_capacity(self.at_most);
        let mut more = false;
        for entry in counters.range::<&[u8]>(&*range.start..&*range.end)? {
            more = over.len() == self.at_most;
            if more {
                break;
            }
            over.push(entry?.0.value().to_vec());
        }
        for key in &over {
            counters.remove(&**key)?;
        }
        Ok(Swept::new(over.len() as u64, more))
    }
}
