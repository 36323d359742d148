//! The verbs: what changes something goes to the writer, what reads has a snapshot of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom_store::{
    Capabilities, Count, Delete, Deleted, Error, ErrorKind, List, Load, Page, Residence, Revoke, Revoked,
    Scope, Store, Stored, Sweep, Swept, Timestamp, Touch, Touched, Write, Written,
};
use redb::ReadTransaction;

use super::failure::{self, Fault};
use super::job::{self, Verb};
use super::list::Going;
use super::revoke::{self, EndBegunBefore, RevokePrincipal};
use super::{Disk, Durability, blocking, list, sweep, tables};

/// How long everyone's sessions are looked for in one call, where it may leave some behind.
const LOOKING: Duration = Duration::from_millis(500);

impl Store for Disk {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.0
            .engine
            .read(|transaction| list::load(transaction, &request))
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        if request.record.body.len() > Self::MAX_BODY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the session is larger than the disk store takes: keep less in it",
            ));
        }
        self.submit(request).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.submit(request).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.submit(request).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        let after = list::begin(&request)?;
        self.read(move |transaction| list::page(transaction, &request, after))
            .await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        let mut count = 0;
        let mut list = List::new(request.namespace, request.query, NonZeroUsize::MAX);
        loop {
            let page = self.list(list.clone()).await?;
            count += page.entries.len() as u64;
            if page.next.is_none() {
                return Ok(count);
            }
            list = list.after(page.next);
        }
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        match &request.scope {
            Scope::Principal { principal, keep } => {
                let revoke = RevokePrincipal {
                    namespace: request.namespace.clone(),
                    principal: principal.clone(),
                    keep: *keep,
                    at_most: request.limit.map_or(usize::MAX, |limit| limit.get()),
                };
                self.submit(revoke).await
            }
            Scope::Everyone { begun_before } => self.revoke_everyone(&request, *begun_before).await,
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "the disk store does not know this scope: use one release of all crates",
            )),
        }
    }

    async fn sweep(&self, mut request: Sweep) -> Result<Swept, Error> {
        let mut removed = 0;
        loop {
            let step = self.submit(request.clone()).await?;
            removed += step.removed;
            let left = usize::try_from(step.removed).map_or(0, |step| request.limit.get() - step);
            match NonZeroUsize::new(left) {
                Some(left) if step.more => request.limit = left,
                _ => return Ok(Swept::new(removed, step.more)),
            }
        }
    }

    async fn ping(&self) -> Result<(), Error> {
        self.submit(Ping).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new("disk", Residence::Elsewhere)
            .survives_restart(self.0.durability == Durability::EveryCommit)
            .max_body(Self::MAX_BODY)
    }
}

/// Asks the writer whether it is there and could write.
struct Ping;

impl Verb for Ping {
    type Answer = ();

    fn apply(&self, _: &mut tables::Tables<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

impl Disk {
    /// Has the writer carry out a verb.
    pub(super) async fn submit<V: Verb>(&self, verb: V) -> Result<V::Answer, Error> {
        let closed = || failure::closed(self.0.engine.path()).error();
        let body = verb.body();
        let (job, answer) = job::pending(verb);
        self.0.queue.push(job, body).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Reads where waiting for the disk holds up no other task.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let engine = Arc::clone(&self.0.engine);
        blocking(move || engine.read(read)).await
    }

    async fn revoke_everyone(&self, request: &Revoke, begun_before: Timestamp) -> Result<Revoked, Error> {
        let limit = request.limit.map_or(usize::MAX, |limit| limit.get());
        let begun = Instant::now();
        let mut ended = 0;
        let mut after = Going::Ending.read(request.after.as_ref())?;
        loop {
            let at_most = usize::try_from(ended)
                .map_or(0, |ended| limit - ended)
                .min(sweep::STEP);
            let namespace = request.namespace.clone();
            let find = move |transaction: &ReadTransaction| {
                revoke::begun_before(transaction, &namespace, begun_before, after, at_most)
            };
            let (ids, next) = self.read(find).await?;
            if !ids.is_empty() {
                let namespace = request.namespace.clone();
                let end = EndBegunBefore {
                    namespace,
                    begun_before,
                    ids,
                };
                ended += self.submit(end).await?;
            }
            let Some(last) = next else {
                return Ok(Revoked::new(ended, false));
            };
            let is_long = request.limit.is_some() && begun.elapsed() > LOOKING;
            if ended >= limit as u64 || is_long {
                return Ok(Revoked::up_to(ended, Going::Ending.after(last)));
            }
            after = next;
        }
    }
}
