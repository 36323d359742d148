//! Marks: one table, and a row for each namespace that numbers its changes.

use cloakroom_store::{
    Capabilities, Cursor, Error, Mark, Marks, MarksOf, News, SetMark, Store as _, Sweep, Swept, Timestamp,
    Told,
};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::given_up::Work;
use super::{Postgres, row, store, sweep};
use crate::stores::sql::{millis, moment};
use crate::stores::subject;

impl Marks for Postgres {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        let (namespace, epoch) = (store::bytes(&request.namespace), self.epoch());
        let Mark {
            subject,
            begun_before,
            until,
            ..
        } = request.mark;
        let (key, begun_before, until) = (subject::key(&subject), millis(begun_before), millis(until));
        let row = self
            .0
            .reach
            .mark("set a mark", async |client| {
                let text = "SELECT is_begun_before, is_until FROM cloakroom_mark($1, $2, $3, $4, $5)";
                let values: [(&(dyn ToSql + Sync), Type); 5] = [
                    (&namespace, Type::BYTEA),
                    (&key, Type::BYTEA),
                    (&begun_before, Type::INT8),
                    (&until, Type::INT8),
                    (&&epoch[..], Type::BYTEA),
                ];
                client.query_typed_one(text, &values).await
            })
            .await?;
        Ok(Mark::new(subject, moment_in(&row, 0)?, moment_in(&row, 1)?))
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        let namespace = store::bytes(&request.namespace);
        let subjects = [
            subject::of_principal(&request.principal),
            subject::EVERYONE.to_vec(),
        ];
        let row = self
            .0
            .reach
            .request("read the marks of a principal", Work::Reads, async |prepared| {
                prepared
                    .client
                    .query_one(&prepared.statements.marks_of, &[&namespace, &&subjects[..]])
                    .await
            })
            .await?;
        moment_in(&row, 0)
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        let namespace = store::bytes(&request.namespace);
        // Whatever does not read is a position that means nothing here: no number is as high.
        let (epoch, after) = match &request.after {
            None => (&[][..], 0),
            Some(cursor) => position(cursor).unwrap_or((&[][..], i64::MAX)),
        };
        // One more than is told, to see whether there are more.
        let limit = store::rows(request.limit).saturating_add(1);
        let mut rows = self
            .0
            .reach
            .learn("read what was marked", async |client| {
                // With their types it is one round trip, not three.
                let values: [(&(dyn ToSql + Sync), Type); 4] = [
                    (&namespace, Type::BYTEA),
                    (&after, Type::INT8),
                    (&epoch, Type::BYTEA),
                    (&limit, Type::INT8),
                ];
                client.query_typed(include_str!("sql/news.sql"), &values).await
            })
            .await?;
        let more = rows.len() > request.limit.get();
        rows.truncate(request.limit.get());
        told(&rows, after, more)
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        sweep::forget(self, "forget marks", include_str!("sql/forget.sql"), &request).await
    }

    /// Of unlogged tables it promises what it does not of sessions: the table of the marks is never one.
    fn card(&self) -> Capabilities {
        self.capabilities().survives_restart(self.0.survivors.marks)
    }
}

impl Postgres {
    /// Names the history that begins if there are no marks yet.
    fn epoch(&self) -> [u8; EPOCH] {
        self.0.revisions.mint().value().to_be_bytes()
    }
}

/// The length of an epoch.
const EPOCH: usize = 8;

/// The epoch and the number of a cursor.
fn position(cursor: &Cursor) -> Option<(&[u8], i64)> {
    let (number, epoch) = cursor.as_bytes().split_first_chunk()?;
    let number = i64::from_be_bytes(*number);
    (number >= 0).then_some((epoch, number))
}

/// What the rows say, the first of which is there in any case.
fn told(rows: &[Row], asked: i64, more: bool) -> Result<Told, Error> {
    let mut marks = Vec::with_capacity(rows.len());
    let (mut epoch, mut number, mut anew) = (&[][..], 0, false);
    for row in rows {
        let after: i64 = row::column(row, 1)?;
        anew = after != asked;
        epoch = row::column::<Option<&[u8]>>(row, 0)?.unwrap_or_default();
        number = row::column::<Option<i64>>(row, 5)?.unwrap_or(after);
        if let Some(key) = row::column(row, 2)? {
            marks.push(Mark::new(
                subject::parse(key)?,
                moment_in(row, 3)?,
                moment_in(row, 4)?,
            ));
        }
    }
    let next = Cursor::new([&number.to_be_bytes()[..], epoch].concat());
    Ok(Told::new(marks, next, more).anew(anew))
}

fn moment_in(row: &Row, at: usize) -> Result<Timestamp, Error> {
    moment(row::column(row, at)?)
}
