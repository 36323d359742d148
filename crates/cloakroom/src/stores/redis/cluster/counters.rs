//! Counters in a cluster: each is one key, so each verb is what it is on a single server.

use cloakroom_store::{AddOne, Capabilities, Counters, Error, Sweep, Swept, TakeBack};

use super::super::counters;
use super::RedisCluster;

impl Counters for RedisCluster {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        let goes = self.0.goes(request.counter.until);
        counters::add(&*self.0, &self.0.keys, &request.counter, &goes).await
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        counters::take_back(&*self.0, &self.0.keys, &request.counter).await
    }

    /// Nothing to do: keys go by themselves.
    async fn forget(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    fn card(&self) -> Capabilities {
        self.0.card
    }
}
