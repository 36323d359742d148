//! The write under a cap: the slot of the principal's filings is the arbiter.
//!
//! A session is admitted, written, and then takes its place, each in one step of its own; in what order racing sign-ins
//! are admitted or take places is decided by one key. Under a cap that refuses, a place is reserved before the session is
//! written, so there are never more. Under one that ends the oldest, the session takes its place after it was written, so
//! that a write that is refused ends nobody, and the same step says who has lost theirs.
//!
//! Whoever dies in between leaves a reservation that lapses by itself, or a session that has not taken its place: the
//! next to sign in finds it live and counts it.

use cloakroom_store::{Cap, Error, Id, Principal, Revision, Write, Written};
use redis::Value;

use super::super::record;
use super::super::script::{Invocation, Script};
use super::filing::Filing;
use super::filings::{ALL, Look, writable_until};
use super::write::One;
use super::{Inner, script};

const WHAT: &str = "sign in under a cap";

impl Inner {
    /// Writes a record of a principal who may have so many sessions.
    pub(super) async fn write_capped(
        &self,
        request: &Write,
        revision: Revision,
        principal: &Principal,
    ) -> Result<Written, Error> {
        let applied = |ended| Ok(Written::Applied { revision, ended });
        // A session that is theirs already counts as itself, and one that is stale counts for nothing.
        match self.write_one(request, revision, None).await? {
            One::Refused => return Ok(Written::Refused),
            One::Written => return applied(Vec::new()),
            One::NotFiled => {}
        }
        let filed = match request.cap {
            Cap::Refuse(most) => self.reserve(request, principal, most.get()).await?,
            _ => {
                let created = request.record.created;
                let filing = self.file(&request.namespace, principal, request.id, created);
                Some(filing.await?)
            }
        };
        let Some(until) = filed else {
            return Ok(Written::AtCap);
        };
        if self.write_one(request, revision, Some(until)).await? != One::Written {
            return Ok(Written::Refused);
        }
        applied(self.join(request, principal).await?)
    }

    /// Reserves a place. `None` when there is none.
    async fn reserve(&self, request: &Write, principal: &Principal, most: u32) -> Result<Option<u64>, Error> {
        match self
            .arbitrate(&script::RESERVE, request, principal, &most.to_string())
            .await?
        {
            Value::Int(0) => Ok(None),
            Value::Int(now) => {
                let now = u64::try_from(now).map_err(|_| self.nonsense(WHAT))?;
                Ok(Some(writable_until(now)))
            }
            _ => Err(self.nonsense(WHAT)),
        }
    }

    /// Takes the place, and ends those who have lost theirs. Answers who.
    async fn join(&self, request: &Write, principal: &Principal) -> Result<Vec<Id>, Error> {
        let namespace = &request.namespace;
        let most = match request.cap {
            Cap::EndOldest(most) => most.to_string(),
            _ => String::new(),
        };
        let answer = self.arbitrate(&script::JOIN, request, principal, &most).await?;
        if answer == Value::Int(0) {
            // Who took the place says so. Here it only must not be answered before it has ended.
            self.look(namespace, principal, None, ALL).await?;
            return Ok(Vec::new());
        }
        let ending = Filing::read_all(&answer).ok_or_else(|| self.nonsense(WHAT))?;
        self.end_filed(namespace, principal, &ending).await?;
        Ok(ending.iter().map(Filing::id).collect())
    }

    /// Asks the arbiter: first as if all that is filed lived, and if that is too much, with what does.
    async fn arbitrate(
        &self,
        script: &'static Script,
        request: &Write,
        principal: &Principal,
        most: &str,
    ) -> Result<Value, Error> {
        let answer = self
            .arbitrate_among(script, request, principal, most, None)
            .await?;
        if answer != Value::Int(-1) {
            return Ok(answer);
        }
        let look = self.look(&request.namespace, principal, None, ALL).await?;
        self.arbitrate_among(script, request, principal, most, Some(look))
            .await
    }

    async fn arbitrate_among(
        &self,
        script: &'static Script,
        request: &Write,
        principal: &Principal,
        most: &str,
        look: Option<Look>,
    ) -> Result<Value, Error> {
        let looked = look.as_ref().map_or("", |_| "looked");
        let (live, gone) = look
            .map(|look| look.split(principal, request.now))
            .unwrap_or_default();
        let key = self.keys.filings(&request.namespace, principal);
        let invocation = Invocation {
            script,
            keys: &[key.as_bytes()],
            arguments: &[
                request.id.as_bytes(),
                &record::time_bytes(request.record.created),
                self.index_lifetime.as_bytes(),
                most.as_bytes(),
                looked.as_bytes(),
                &live,
                &gone,
            ],
        };
        self.nodes.run(WHAT, invocation).await
    }
}
