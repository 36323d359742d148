//! The verbs.

use std::sync::Arc;

use cloakroom_store::{
    AddOne, Cap, Capabilities, Count, Counters, Delete, Deleted, Error, ErrorKind, Freshness, List, Load,
    Mark, Marks, MarksOf, News, Page, Revoke, Revoked, Scope, SetMark, Store, Stored, Sweep, Swept, TakeBack,
    Timestamp, Told, Touch, Touched, Write, Written,
};
use redis::Value;

use super::script::Scripts as _;
use super::server::Live;
use super::{Redis, card, counters, delete, list, marks, record, revoke, touch, write};

impl Store for Redis {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        Ok(self.load_from(request).await?.0)
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        if request.record.body.len() > card::MAX_BODY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the session is larger than the redis store takes: keep less in it",
            ));
        }
        if request.cap != Cap::None && !self.0.card.revokes_by_principal {
            return Err(withdrawn("keep to a number of sessions per principal"));
        }
        let revision = self.0.revisions.mint();
        let goes = self.goes(request.record.expires);
        write::write(self.0.endings(), &self.0.keys, &request, revision, &goes).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        touch::touch(&self.0.reads, &self.0.keys, &request, &self.goes(request.expires)).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        delete::delete(self.0.endings(), &self.0.keys, &request).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        if !self.0.card.lists {
            return Err(withdrawn("list sessions"));
        }
        list::page(&self.0.reads, &self.0.keys, &request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        if !self.0.card.lists {
            return Err(withdrawn("count sessions"));
        }
        list::count(&self.0.reads, &self.0.keys, request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        if matches!(request.scope, Scope::Principal { .. }) && !self.0.card.revokes_by_principal {
            return Err(withdrawn("end the sessions of a principal"));
        }
        revoke::revoke(self.0.endings(), &self.0.keys, &request).await
    }

    /// Nothing to do: keys go by themselves.
    async fn sweep(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    async fn ping(&self) -> Result<(), Error> {
        self.0.reads.send("ping", &redis::cmd("PING")).await?;
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        self.0.card
    }
}

impl Marks for Redis {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        let epoch = self.0.revisions.mint().value();
        marks::mark(self.0.endings(), &self.0.keys, &request, epoch).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        marks::marks_of(&self.0.reads, &self.0.keys, &request).await
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        marks::news(&self.0.reads, &self.0.keys, &request).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        marks::forget(&self.0.reads, &self.0.keys, &request).await
    }

    fn card(&self) -> Capabilities {
        self.0.card
    }
}

impl Counters for Redis {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        let goes = self.goes(request.counter.until);
        counters::add(&self.0.reads, &self.0.keys, &request.counter, &goes).await
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        counters::take_back(&self.0.reads, &self.0.keys, &request.counter).await
    }

    /// Nothing to do: keys go by themselves.
    async fn forget(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    fn card(&self) -> Capabilities {
        self.0.card
    }
}

impl Redis {
    /// Loads a session, and says from which server.
    pub(super) async fn load_from(&self, request: Load) -> Result<(Option<Stored>, Arc<Live>), Error> {
        const WHAT: &str = "read a session";
        let mut command = redis::cmd("GET");
        command.arg(self.0.keys.session(&request.namespace, &request.id));
        // What becomes of a write that too few replicas had is found out by reading it back: not before they have it.
        let pool = match request.freshness {
            Freshness::Latest => self.0.endings(),
            Freshness::Copied => &self.0.reads,
        };
        let turn = pool.turn(WHAT).await?;
        let found = match turn.send(&command).await? {
            Value::Nil => None,
            Value::BulkString(bytes) => Some(record::parse(&bytes)?),
            _ => return Err(self.0.reads.nonsense(WHAT)),
        };
        Ok((found, turn.into_live()))
    }

    /// When the key of a session that expires then goes, in milliseconds; empty when it never does.
    fn goes(&self, expires: Timestamp) -> String {
        match expires.saturating_add(self.0.margin) {
            Timestamp::MAX => String::new(),
            // Redis takes no time before the first millisecond.
            moment => moment.as_unix_millis().max(1).to_string(),
        }
    }
}

fn withdrawn(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "cannot {what}: this redis drops keys to make room, and with them what it knows of who has which \
             session; set its `maxmemory-policy` to noeviction and connect again"
        ),
    )
}
