//! Writes a session: freely, or where its principal may have no more than so many.

use cloakroom_store::{Error, Expect, Revision, Write, Written};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::given_up::Work;
use super::store::{bytes, key, who};
use super::{Postgres, row};
use crate::stores::sql::{column, corrupt, id, millis};

/// What is done, in messages.
const WRITE: &str = "write a session";

impl Postgres {
    pub(super) async fn write_freely(&self, request: &Write) -> Result<Written, Error> {
        let columns = Columns::of(request, self.0.revisions.mint());
        let written = self.0.reach.request(WRITE, Work::Writes, async |prepared| {
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

    pub(super) async fn write_capped(
        &self,
        request: &Write,
        places: u32,
        ends_oldest: bool,
    ) -> Result<Written, Error> {
        let columns = Columns::of(request, self.0.revisions.mint());
        let seen = match request.expect {
            Expect::Absent => None,
            Expect::Revision(seen) => Some(column(seen)),
        };
        let (places, now) = (i64::from(places), millis(request.now));
        let ask = || {
            self.0.reach.request(WRITE, Work::Writes, async |prepared| {
                let mut values = columns.values().to_vec();
                values.extend([&seen as &(dyn ToSql + Sync), &places, &ends_oldest, &now]);
                let statement = &prepared.statements.write_capped;
                prepared.client.query_opt(statement, &values).await
            })
        };
        let answer: Row = self.in_turn(WRITE, ask).await?;
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
}

/// What a write puts into the columns.
struct Columns<'a> {
    namespace: &'a [u8],
    id: &'a [u8],
    minted: Revision,
    revision: i64,
    principal: Option<&'a [u8]>,
    created: i64,
    last_seen: i64,
    expires: i64,
    label: Option<&'a [u8]>,
    body: &'a [u8],
}

impl<'a> Columns<'a> {
    fn of(request: &'a Write, minted: Revision) -> Self {
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
