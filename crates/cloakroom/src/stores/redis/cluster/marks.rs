//! Marks in a cluster: the keys of a namespace are in one slot, so each verb is what it is on a single server.

use cloakroom_store::{
    Capabilities, Error, Mark, Marks, MarksOf, News, SetMark, Sweep, Swept, Timestamp, Told,
};
use redis::Value;

use super::super::marks;
use super::super::script::{Invocation, Scripts};
use super::{Inner, RedisCluster};

impl Marks for RedisCluster {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        let epoch = self.0.revisions.mint().value();
        marks::mark(&*self.0, &self.0.keys, &request, epoch).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        marks::marks_of(&*self.0, &self.0.keys, &request).await
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        marks::news(&*self.0, &self.0.keys, &request).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        marks::forget(&*self.0, &self.0.keys, &request).await
    }

    fn card(&self) -> Capabilities {
        self.0.card
    }
}

impl Scripts for Inner {
    async fn run(&self, what: &'static str, invocation: Invocation<'_>) -> Result<Value, Error> {
        self.bounded(what, self.nodes.run(what, invocation)).await
    }

    fn nonsense(&self, what: &str) -> Error {
        Self::nonsense(self, what)
    }
}
