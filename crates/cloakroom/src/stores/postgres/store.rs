//! The verbs: each is one statement, but for revoking everyone.

use std::num::NonZeroUsize;

use cloakroom_store::{
    Cap, Capabilities, Count, Cursor, Delete, Deleted, Error, ErrorKind, Expect, Id, List, Load, Namespace,
    Owner, Page, Principal, Residence, Revoke, Revoked, Scope, Store, Stored, Sweep, Swept, Touch, Touched,
    Write, Written,
};
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::given_up::Work;
use super::list::{self, Listing};
use super::{Postgres, failure, row};
use crate::stores::sql::{column, corrupt, id, millis, position};

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
        let counted = self.0.reach.list("count sessions", Work::Reads, async |client| {
            list::count(client, &request).await
        });
        Ok(counted.await?.unsigned_abs())
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

/// How many of everyone's sessions end in one step.
const STEP: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");

impl Postgres {
    async fn write_freely(&self, request: &Write) -> Result<Written, Error> {
        let columns = Columns::of(request, self.0.revisions.mint());
        let written = self
            .0
            .reach
            .request("write a session", Work::Writes, async |prepared| {
                let mut values = columns.values().to_vec();
                match request.expect {
                    Expect::Absent => {
                        prepared
                            .client
                            .execute(&prepared.statements.create, &values)
                            .await
                    }
                    Expect::Revision(seen) => {
                        let seen = column(seen);
                        values.push(&seen);
                        prepared
                            .client
                            .execute(&prepared.statements.replace, &values)
                            .await
                    }
                }
            });
        Ok(match written.await? {
            0 => Written::Refused,
            _ => Written::Applied {
                revision: columns.minted,
                ended: Vec::new(),
            },
        })
    }

    async fn write_capped(&self, request: &Write, places: u32, ends_oldest: bool) -> Result<Written, Error> {
        let columns = Columns::of(request, self.0.revisions.mint());
        let seen = match request.expect {
            Expect::Absent => None,
            Expect::Revision(seen) => Some(column(seen)),
        };
        let (places, now) = (i64::from(places), millis(request.now));
        let answer: Row = self
            .0
            .reach
            .request("write a session", Work::Writes, async |prepared| {
                let mut values = columns.values().to_vec();
                values.extend([&seen as &(dyn ToSql + Sync), &places, &ends_oldest, &now]);
                prepared
                    .client
                    .query_one(&prepared.statements.write_capped, &values)
                    .await
            })
            .await?;
        match row::column(&answer, 0)? {
            "refused" => Ok(Written::Refused),
            "at cap" => Ok(Written::AtCap),
            "applied" => Ok(Written::Applied {
                revision: columns.minted,
                ended: row::column::<Vec<&[u8]>>(&answer, 1)?
                    .into_iter()
                    .map(id)
                    .collect::<Result<_, _>>()?,
            }),
            _ => Err(corrupt("a function cloakroom_write_capped that is not ours")),
        }
    }

    async fn revoke_principal(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        keep: Option<&Id>,
        limit: Option<NonZeroUsize>,
    ) -> Result<Revoked, Error> {
        let (namespace, principal, keep) = (bytes(namespace), who(principal), keep.map(key));
        let at_most = limit.map(rows);
        let ended: i64 = self
            .0
            .reach
            .request("end a user's sessions", Work::Writes, async |prepared| {
                let values: [&(dyn ToSql + Sync); 4] = [&namespace, &principal, &keep, &at_most];
                prepared
                    .client
                    .query_one_scalar(&prepared.statements.revoke, &values)
                    .await
            })
            .await?;
        Ok(Revoked::new(ended.unsigned_abs(), Some(ended) == at_most))
    }

    /// Within the time of one call, however many there are: in steps, so that no lock is held long.
    async fn revoke_everyone(&self, request: &Revoke, begun_before: i64) -> Result<Revoked, Error> {
        let after = position(request.after.as_ref())?.map(|id| id.as_bytes().to_vec());
        let limit = request.limit.map_or(i64::MAX, rows);
        let revoking = self.revoke_in_steps(&request.namespace, begun_before, after, limit);
        timeout(self.0.bound, revoking)
            .await
            .unwrap_or_else(|_elapsed| Err(failure::too_slow(END_EVERYONE, &self.0.address)))
    }

    async fn revoke_in_steps(
        &self,
        namespace: &Namespace,
        begun_before: i64,
        mut after: Option<Vec<u8>>,
        limit: i64,
    ) -> Result<Revoked, Error> {
        let begun = Instant::now();
        let namespace = bytes(namespace);
        let mut ended = 0;
        loop {
            // What ends is at most what is looked at.
            let step = rows(STEP).min(limit - ended);
            let row = self
                .0
                .reach
                .list(END_EVERYONE, Work::Writes, async |client| {
                    let text = "SELECT ended, last FROM cloakroom_revoke_everyone($1, $2, $3, $4)";
                    client
                        .query_one(text, &[&namespace, &begun_before, &after, &step])
                        .await
                })
                .await?;
            ended += row::column::<i64>(&row, 0)?;
            after = row::column(&row, 1)?;
            let Some(last) = &after else {
                return Ok(Revoked::new(ended.unsigned_abs(), false));
            };
            let is_long = limit < i64::MAX && begun.elapsed() > self.0.bound / 2;
            if ended == limit || is_long {
                return Ok(Revoked::up_to(ended.unsigned_abs(), Cursor::new(&last[..])));
            }
        }
    }
}

/// What is done, in messages.
const END_EVERYONE: &str = "end everyone's sessions";

/// What a write puts into the columns.
struct Columns<'a> {
    namespace: &'a [u8],
    id: &'a [u8],
    minted: cloakroom_store::Revision,
    revision: i64,
    principal: Option<&'a [u8]>,
    created: i64,
    last_seen: i64,
    expires: i64,
    label: Option<&'a [u8]>,
    body: &'a [u8],
}

impl<'a> Columns<'a> {
    fn of(request: &'a Write, minted: cloakroom_store::Revision) -> Self {
        let record = &request.record;
        Self {
            namespace: bytes(&request.namespace),
            id: key(&request.id),
            minted,
            revision: column(minted),
            principal: record.principal.as_ref().map(who),
            created: millis(record.created),
            last_seen: millis(record.last_seen),
            expires: millis(record.expires),
            label: record.label.as_ref().map(|label| label.as_str().as_bytes()),
            body: &record.body,
        }
    }

    /// In the order of the statements' first nine parameters.
    fn values(&self) -> [&(dyn ToSql + Sync); 9] {
        [
            &self.namespace,
            &self.id,
            &self.revision,
            &self.principal,
            &self.created,
            &self.last_seen,
            &self.expires,
            &self.label,
            &self.body,
        ]
    }
}

pub(super) fn bytes(namespace: &Namespace) -> &[u8] {
    namespace.as_str().as_bytes()
}

fn key(id: &Id) -> &[u8] {
    id.as_bytes()
}

fn who(principal: &Principal) -> &[u8] {
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
