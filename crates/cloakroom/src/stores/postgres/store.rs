//! The verbs: each is one statement, but for revoking everyone.

use std::num::NonZeroUsize;

use cloakroom_store::{
    Cap, Capabilities, Count, Delete, Deleted, Error, ErrorKind, Id, List, Load, Namespace, Owner, Page,
    Principal, Residence, Revoke, Revoked, Scope, Store, Stored, Sweep, Swept, Touch, Touched, Write,
    Written,
};
use tokio_postgres::types::ToSql;

use super::given_up::Work;
use super::list::{self, Listing};
use super::{Postgres, row};
use crate::stores::sql::{column, corrupt, millis};

impl Store for Postgres {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        let (namespace, id) = (bytes(&request.namespace), key(&request.id));
        let asked = self
            .0
            .reach
            .request("read a session", Work::Reads, async |prepared| {
                prepared
                    .client
                    .query_opt(&prepared.statements.load, &[&namespace, &id])
                    .await
            });
        asked.await?.as_ref().map(row::stored).transpose()
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        if request.record.body.len() > Self::MAX_BODY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the session is larger than the PostgreSQL store takes: keep less in it",
            ));
        }
        // A session of nobody is never limited.
        match (request.cap, &request.record.principal) {
            (Cap::None, _) | (_, None) => self.write_freely(&request).await,
            (Cap::Refuse(places), Some(_)) => self.write_capped(&request, places.get(), false).await,
            (Cap::EndOldest(places), Some(_)) => self.write_capped(&request, places.get(), true).await,
            _ => Err(unknown("this cap")),
        }
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        let (namespace, id) = (bytes(&request.namespace), key(&request.id));
        let revision = column(request.revision);
        let (last_seen, expires) = (millis(request.last_seen), millis(request.expires));
        let touched = self
            .0
            .reach
            .request("touch a session", Work::Writes, async |prepared| {
                let values: [&(dyn ToSql + Sync); 5] = [&namespace, &id, &revision, &last_seen, &expires];
                prepared.client.execute(&prepared.statements.touch, &values).await
            });
        Ok(match touched.await? {
            0 => Touched::Refused,
            _ => Touched::Applied(request.revision),
        })
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        let (namespace, id) = (bytes(&request.namespace), key(&request.id));
        let (anybodys, owner) = match &request.owner {
            Owner::Any => (true, None),
            Owner::Is(owner) => (false, owner.as_ref().map(who)),
        };
        let deleted: String = self
            .0
            .reach
            .request("end a session", Work::Writes, async |prepared| {
                let values: [&(dyn ToSql + Sync); 4] = [&namespace, &id, &anybodys, &owner];
                prepared
                    .client
                    .query_one_scalar(&prepared.statements.delete, &values)
                    .await
            })
            .await?;
        match deleted.as_str() {
            "ended" => Ok(Deleted::Ended),
            "missing" => Ok(Deleted::Missing),
            "not owner" => Ok(Deleted::NotOwner),
            _ => Err(corrupt("a function cloakroom_delete that is not ours")),
        }
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        let listing = Listing::new(&request)?;
        let rows = self.0.reach.list("list sessions", Work::Reads, async |client| {
            listing.ask(client).await
        });
        listing.page(&rows.await?)
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        let (mut count, mut after) = (0, None);
        loop {
            let step = self.0.reach.list("count sessions", Work::Reads, async |client| {
                list::count(client, &request, after.as_ref()).await
            });
            let (matching, last) = list::counted(&step.await?)?;
            count += matching;
            after = last;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        let namespace = &request.namespace;
        match &request.scope {
            Scope::Principal { principal, keep } => {
                self.revoke_principal(namespace, principal, keep.as_ref(), request.limit)
                    .await
            }
            Scope::Everyone { begun_before } => self.revoke_everyone(&request, millis(*begun_before)).await,
            _ => Err(unknown("this scope")),
        }
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.sweep_batch(&request).await
    }

    async fn ping(&self) -> Result<(), Error> {
        let read_only: String = self
            .0
            .reach
            .request("ask whether it is there", Work::Reads, async |prepared| {
                prepared
                    .client
                    .query_one_scalar(&prepared.statements.ping, &[])
                    .await
            })
            .await?;
        if read_only == "off" {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "{} answers, but is read-only, a replica perhaps: name the primary, or all servers and \
                 target_session_attrs=read-write",
                self.0.address
            ),
        ))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new("postgres", Residence::Elsewhere)
            .survives_restart(self.0.survivors.sessions)
            .max_body(Self::MAX_BODY)
    }
}

pub(super) fn bytes(namespace: &Namespace) -> &[u8] {
    namespace.as_str().as_bytes()
}

pub(super) fn key(id: &Id) -> &[u8] {
    id.as_bytes()
}

pub(super) fn who(principal: &Principal) -> &[u8] {
    principal.as_str().as_bytes()
}

pub(super) fn rows(limit: NonZeroUsize) -> i64 {
    i64::try_from(limit.get()).unwrap_or(i64::MAX)
}

fn unknown(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the PostgreSQL store does not know {what}: use one release of all crates"),
    )
}
