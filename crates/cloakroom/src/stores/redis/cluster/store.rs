//! The verbs.

use std::future::Future;
use std::sync::Arc;

use cloakroom_store::{
    Cap, Capabilities, Count, Delete, Deleted, Error, ErrorKind, List, Load, Namespace, Owner, Page,
    Principal, Revoke, Revoked, Scope, Store, Stored, Sweep, Swept, Timestamp, Touch, Touched, Write,
    Written,
};
use redis::Value;
use tokio::time::timeout;

use super::super::all::all;
use super::super::script::{self as scripts, Invocation};
use super::super::{card, failure, record};
use super::{Inner, RedisCluster, write};

impl Store for RedisCluster {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        const WHAT: &str = "read a session";
        let key = self.0.keys.session(&request.namespace, &request.id);
        let mut command = redis::cmd("GET");
        command.arg(&key);
        match self.0.nodes.send(WHAT, key.as_bytes(), &command).await? {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => record::parse(&bytes).map(Some),
            _ => Err(self.0.nonsense(WHAT)),
        }
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        const WHAT: &str = "write a session";
        let inner = &self.0;
        if request.record.body.len() > card::MAX_BODY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the session is larger than the redis store takes: keep less in it",
            ));
        }
        if !write::is_known(request.cap) || (request.cap != Cap::None && !inner.card.revokes_by_principal) {
            return Err(withdrawn("keep to this kind of number of sessions per principal"));
        }
        let revision = inner.revisions.mint();
        let capped = request
            .record
            .principal
            .clone()
            .filter(|_| request.cap != Cap::None);
        inner
            .bounded(WHAT, async {
                let Some(principal) = capped else {
                    inner.under_way.over(&request.namespace, request.id).await;
                    return inner.write(&request, revision).await;
                };
                let step = inner.under_way.begin(&request.namespace, request.id).await;
                // Goes on when nobody waits any more: half of it is not to be left.
                let inner = Arc::clone(inner);
                let writing = tokio::spawn(async move {
                    let _step = step;
                    inner.write_capped(&request, revision, &principal).await
                });
                writing.await.unwrap_or_else(|ended| {
                    let message = "could not write a session: the runtime is shutting down";
                    Err(Error::new(ErrorKind::Unavailable, message).with_source(ended))
                })
            })
            .await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        const WHAT: &str = "touch a session";
        let goes = self.0.goes(request.expires);
        let arguments: [&[u8]; 5] = [
            &record::revision_bytes(request.revision),
            &record::time_bytes(request.last_seen),
            &record::time_bytes(request.expires),
            goes.as_bytes(),
            b"",
        ];
        let Touch { namespace, id, .. } = &request;
        match self
            .0
            .run_one(WHAT, &scripts::TOUCH, (namespace, *id), &arguments)
            .await?
        {
            Value::Int(0) => Ok(Touched::Refused),
            Value::Int(1) => Ok(Touched::Applied(request.revision)),
            _ => Err(self.0.nonsense(WHAT)),
        }
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        const WHAT: &str = "end a session";
        let (owner, who) = match &request.owner {
            Owner::Any => ("any", ""),
            Owner::Is(who) => ("is", who.as_ref().map_or("", Principal::as_str)),
        };
        let arguments: [&[u8]; 3] = [b"", owner.as_bytes(), who.as_bytes()];
        let session = (&request.namespace, request.id);
        match self
            .0
            .run_one(WHAT, &scripts::DELETE, session, &arguments)
            .await?
        {
            Value::Int(0) => Ok(Deleted::Missing),
            Value::Int(1) => Ok(Deleted::Ended),
            Value::Int(2) => Ok(Deleted::NotOwner),
            _ => Err(self.0.nonsense(WHAT)),
        }
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        if !self.0.card.lists {
            return Err(withdrawn("list sessions"));
        }
        self.0.bounded("list sessions", self.0.page(&request)).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        if !self.0.card.lists {
            return Err(withdrawn("count sessions"));
        }
        self.0.count(request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        let of_principal = matches!(request.scope, Scope::Principal { .. });
        if of_principal && !self.0.card.revokes_by_principal {
            return Err(withdrawn("end the sessions of a principal"));
        }
        match of_principal {
            true => Box::pin(self.0.bounded("end sessions", self.0.revoke(&request))).await,
            false => Box::pin(self.0.revoke(&request)).await,
        }
    }

    /// Nothing to do: keys go by themselves.
    async fn sweep(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    async fn ping(&self) -> Result<(), Error> {
        let map = self.0.nodes.map();
        let pinged = all(map.nodes.iter().map(async |node| {
            let turn = node.pool.turn("ping").await?;
            turn.send(&redis::cmd("PING")).await
        }))
        .await;
        for pinged in pinged {
            pinged.inspect_err(|_| self.0.nodes.doubt())?;
        }
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        self.0.card
    }
}

impl Inner {
    /// When the key of a session that expires then goes, in milliseconds; empty when it never does.
    pub(super) fn goes(&self, expires: Timestamp) -> String {
        match expires.saturating_add(self.margin) {
            Timestamp::MAX => String::new(),
            // Redis takes no time before the first millisecond.
            moment => moment.as_unix_millis().max(1).to_string(),
        }
    }

    pub(super) fn nonsense(&self, what: &str) -> Error {
        failure::nonsense(what, &self.nodes.settings().shown)
    }

    /// Runs a script on one session, once nobody else in this process is at it.
    async fn run_one(
        &self,
        what: &'static str,
        script: &'static scripts::Script,
        (namespace, id): (&Namespace, cloakroom_store::Id),
        arguments: &[&[u8]],
    ) -> Result<Value, Error> {
        let key = self.keys.session(namespace, &id);
        let keys: &[&[u8]] = &[key.as_bytes()];
        self.bounded(what, async {
            self.under_way.over(namespace, id).await;
            self.nodes
                .run(
                    what,
                    Invocation {
                        script,
                        keys,
                        arguments,
                    },
                )
                .await
        })
        .await
    }

    /// Bounds what takes several steps like what takes one.
    pub(super) async fn bounded<T>(
        &self,
        what: &'static str,
        verb: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let bound = self.nodes.bound();
        timeout(bound, verb).await.unwrap_or_else(|_elapsed| {
            self.nodes.doubt();
            Err(failure::no_answer(what, &self.nodes.settings().shown, bound))
        })
    }
}

fn withdrawn(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "cannot {what}: a node of this redis cluster drops keys to make room, and with them what it knows of who \
             has which session; set its `maxmemory-policy` to noeviction and connect again"
        ),
    )
}
