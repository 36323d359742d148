//! The verbs: what changes something goes to the writer, what reads has a snapshot of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use cloakroom_store::{
    Capabilities, Count, Cursor, Delete, Deleted, Error, ErrorKind, List, Load, Page, Residence, Revoke,
    Revoked, Scope, Store, Stored, Sweep, Swept, Timestamp, Touch, Touched, Write, Written,
};
use rusqlite::Connection;
use tokio::time::timeout;

use super::failure::{self, Fault};
use super::job::{self, Verb};
use super::revoke::{self, EndBegunBefore, RevokePrincipal};
use super::write::WriteAs;
use super::{Sqlite, blocking, list, sweep};
use crate::stores::sql;

impl Store for Sqlite {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        match self.0.readers.read(|connection| list::load(connection, &request)) {
            // Another process has the file for itself: this waits where it holds up no other task.
            Err(fault) if fault.is_busy() => {
                self.bounded(self.read(move |connection| list::load(connection, &request)))
                    .await
            }
            read => read.map_err(|fault| fault.error(self.path())),
        }
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        if request.record.body.len() > Self::MAX_BODY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the session is larger than the SQLite store takes: keep less in it",
            ));
        }
        let write = WriteAs {
            revision: self.0.revisions.mint(),
            write: request,
        };
        self.bounded(self.submit(write)).await
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.bounded(self.submit(request)).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.bounded(self.submit(request)).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        let after = sql::position(request.after.as_ref())?;
        let page = self.read(move |connection| list::page(connection, &request, after.as_ref()));
        self.bounded(page).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        let request = Arc::new(request);
        let (mut count, mut after) = (0, None);
        loop {
            let asked = Arc::clone(&request);
            let step = self.read(move |connection| {
                list::count(connection, &asked.namespace, &asked.query, after.as_ref())
            });
            let (matching, last) = self.bounded(step).await?;
            count += matching;
            after = last;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        let at_most = request.limit.map_or(usize::MAX, NonZeroUsize::get);
        match request.scope {
            Scope::Principal { principal, keep } => {
                let revoke = RevokePrincipal {
                    namespace: request.namespace,
                    principal,
                    keep,
                    at_most,
                };
                self.bounded(self.submit(revoke)).await
            }
            Scope::Everyone { begun_before } => {
                self.bounded(self.revoke_everyone(request, begun_before, at_most))
                    .await
            }
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "the SQLite store does not know this scope: use one release of all crates",
            )),
        }
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.bounded(self.sweep_in_steps(request)).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.bounded(self.submit(Ping)).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new("sqlite", Residence::Elsewhere)
            .survives_restart(true)
            .max_body(Self::MAX_BODY)
    }
}

/// Asks the writer whether it is there and could write.
struct Ping;

impl Verb for Ping {
    type Answer = ();

    fn apply(&self, _: &Connection) -> Result<(), Fault> {
        Ok(())
    }
}

impl Sqlite {
    /// Waits for an answer as long as one may take. The writer begins nothing that nobody waits for any more.
    pub(super) async fn bounded<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let answered = timeout(self.0.patience, answer).await;
        answered.unwrap_or_else(|_| Err(failure::late(self.path())))
    }

    /// Has the writer carry out a verb.
    pub(super) async fn submit<V: Verb>(&self, verb: V) -> Result<V::Answer, Error> {
        let closed = || failure::closed(self.path());
        let body = verb.body();
        let (job, answer) = job::pending(verb);
        self.0.queue.push(job, body).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Reads where waiting, for the disk or another process, holds up no other task.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let (readers, wait) = (Arc::clone(&self.0.readers), self.0.wait_timeout);
        // So many at a time: each has a connection, and nobody waits for a listing as for a page of a shop.
        let _turn = self
            .0
            .reading
            .acquire()
            .await
            .map_err(|_| failure::closed(self.path()))?;
        blocking(move || readers.read_patiently(wait, read)).await
    }

    /// Ends in time, and then says that there is more: what was removed is counted, not lost in an error.
    async fn sweep_in_steps(&self, mut request: Sweep) -> Result<Swept, Error> {
        let began = Instant::now();
        let mut removed = 0;
        loop {
            let step = self.submit(request.clone()).await?;
            removed += step.removed;
            let left = usize::try_from(step.removed).map_or(0, |step| request.limit.get() - step);
            match NonZeroUsize::new(left) {
                Some(left) if step.more && began.elapsed() < self.0.patience / 2 => request.limit = left,
                _ => return Ok(Swept::new(removed, step.more)),
            }
        }
    }

    async fn revoke_everyone(
        &self,
        request: Revoke,
        begun_before: Timestamp,
        limit: usize,
    ) -> Result<Revoked, Error> {
        let began = Instant::now();
        let namespace = request.namespace;
        let mut ended = 0;
        let mut after = sql::position(request.after.as_ref())?;
        loop {
            let at_most = (limit - ended).min(usize::from(sweep::STEP));
            let of = namespace.clone();
            let find = move |connection: &Connection| {
                revoke::begun_before(connection, &of, begun_before, after.as_ref(), at_most)
            };
            let (ids, next) = self.read(find).await?;
            if !ids.is_empty() {
                let namespace = namespace.clone();
                let end = EndBegunBefore {
                    namespace,
                    begun_before,
                    ids,
                };
                ended += self.submit(end).await?;
            }
            let Some(last) = next else {
                return Ok(Revoked::new(ended as u64, false));
            };
            let is_long = limit < usize::MAX && began.elapsed() > self.0.patience / 2;
            if ended >= limit || is_long {
                return Ok(Revoked::up_to(ended as u64, Cursor::new(*last.as_bytes())));
            }
            after = next;
        }
    }
}
