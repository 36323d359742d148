//! The verbs: a load may be answered with a copy, and whatever changes something drops or replaces one.

use std::future::Future;

use cloakroom_store::{
    Cap, Capabilities, Count, Delete, Deleted, Error, Freshness, List, Load, Page, Revoke, Revoked, Scope,
    Store, Stored, Sweep, Swept, Touch, Touched, Write, Written,
};

use super::change::{self, Change, Ending, Whose};
use super::{Cached, Copies};

impl Store for Cached {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        let Some(copies) = &self.copies else {
            return self.inner.load(request).await;
        };
        if request.freshness == Freshness::Copied
            && let Some(copy) = copies.find(&request.namespace, request.id)
        {
            return Ok(Some(copy));
        }
        let (namespace, id, ticket) = (request.namespace.clone(), request.id, copies.ticket(request.id));
        let stored = self.inner.load(request).await?;
        copies.loaded(&namespace, id, &ticket, stored.as_ref());
        Ok(stored)
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        let Some(copies) = &self.copies else {
            return self.inner.write(request).await;
        };
        let namespace = request.namespace.clone();
        let change = Change::begin(copies, namespace.clone(), request.id);
        let others = ended_by(copies, &request);
        let record = request.record.clone();
        let written = self.inner.write(request).await?;
        if let Some(others) = others {
            others.spare();
        }
        if let Written::Applied { revision, ended } = &written {
            for id in ended {
                copies.drop_copy(&namespace, *id);
            }
            change.wrote(Stored::new(*revision, record));
        }
        Ok(written)
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        let Some(copies) = &self.copies else {
            return self.inner.touch(request).await;
        };
        let change = Change::begin(copies, request.namespace.clone(), request.id);
        let (seen, last_seen, expires) = (request.revision, request.last_seen, request.expires);
        let touched = self.inner.touch(request).await?;
        if let Touched::Applied(revision) = touched {
            change.touched(change::Touched {
                seen,
                revision,
                last_seen,
                expires,
            });
        }
        Ok(touched)
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        let change = (self.copies.as_deref())
            .map(|copies| Change::begin(copies, request.namespace.clone(), request.id));
        let deleted = self.inner.delete(request).await;
        drop(change);
        deleted
    }

    fn list(&self, request: List) -> impl Future<Output = Result<Page, Error>> + Send {
        self.inner.list(request)
    }

    fn count(&self, request: Count) -> impl Future<Output = Result<u64, Error>> + Send {
        self.inner.count(request)
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        let whose = match &request.scope {
            Scope::Principal { principal, .. } => Whose::Principal(principal.clone()),
            Scope::Everyone { begun_before } => Whose::BegunBefore(*begun_before),
            _ => Whose::Everyone,
        };
        let ending =
            (self.copies.as_deref()).map(|copies| Ending::begin(copies, request.namespace.clone(), whose));
        let revoked = self.inner.revoke(request).await;
        drop(ending);
        revoked
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        let whose = Whose::ExpiredBefore(request.expired_before);
        let ending =
            (self.copies.as_deref()).map(|copies| Ending::begin(copies, request.namespace.clone(), whose));
        let swept = self.inner.sweep(request).await;
        drop(ending);
        swept
    }

    fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send {
        self.inner.ping()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

/// Which other sessions a write ends whose answer is lost: under a cap, any of the principal's.
fn ended_by<'a>(copies: &'a Copies, request: &Write) -> Option<Ending<'a>> {
    let principal = request
        .record
        .principal
        .as_ref()
        .filter(|_| request.cap != Cap::None)?;
    let whose = Whose::Principal(principal.clone());
    Some(Ending::begin(copies, request.namespace.clone(), whose))
}
