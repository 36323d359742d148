//! Marks: one table, and a number that every change of it takes.

use cloakroom_store::{
    Capabilities, Cursor, Error, Mark, Marks, MarksOf, News, SetMark, Store as _, Sweep, Swept, Timestamp,
    Told,
};
use rusqlite::{Connection, Row, params};

use super::Sqlite;
use super::failure::Fault;
use super::forget::Forget;
use super::job::Verb;
use super::row::key;
use crate::stores::sql::{millis, moment};
use crate::stores::subject;

impl Marks for Sqlite {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        self.bounded(self.submit(request)).await
    }

    async fn marks_of(&self, request: MarksOf) -> Result<Timestamp, Error> {
        self.bounded(self.read(move |connection| marks_of(connection, &request)))
            .await
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        self.bounded(self.read(move |connection| news(connection, &request)))
            .await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        let statement = include_str!("sql/forget.sql");
        self.bounded(self.submit(Forget { statement, request })).await
    }

    fn card(&self) -> Capabilities {
        self.capabilities()
    }
}

impl Verb for SetMark {
    type Answer = Mark;

    fn apply(&self, connection: &Connection) -> Result<Mark, Fault> {
        connection
            .prepare_cached("UPDATE cloakroom_mark_numbers SET latest = latest + 1")?
            .execute([])?;
        let Mark {
            subject,
            begun_before,
            until,
            ..
        } = &self.mark;
        let mut statement = connection.prepare_cached(include_str!("sql/mark.sql"))?;
        let mut rows = statement.query(params![
            key(&self.namespace),
            subject::key(subject),
            millis(*begun_before),
            millis(*until),
        ])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(Mark::new(subject.clone(), moment_in(row, 0)?, moment_in(row, 1)?))
    }
}

fn marks_of(connection: &Connection, request: &MarksOf) -> Result<Timestamp, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(max(begun_before), 0) FROM cloakroom_marks WHERE namespace = ?1 AND subject IN (?2, ?3)",
    )?;
    let theirs = subject::of_principal(&request.principal);
    let mut rows = statement.query(params![key(&request.namespace), theirs, subject::EVERYONE])?;
    rows.next()?
        .map_or(Ok(Timestamp::default()), |row| moment_in(row, 0))
}

fn news(connection: &Connection, request: &News) -> Result<Told, Fault> {
    // Both of one snapshot.
    let snapshot = connection.unchecked_transaction()?;
    let latest: i64 = snapshot
        .prepare_cached("SELECT latest FROM cloakroom_mark_numbers")?
        .query_row([], |row| row.get(0))?;
    let known = request.after.as_ref().map(|after| {
        let number = after.as_bytes().try_into().map(i64::from_be_bytes);
        number.ok().filter(|number| (0..=latest).contains(number))
    });
    let (after, anew) = (known.flatten().unwrap_or(0), known == Some(None));
    let mut statement = snapshot.prepare_cached(
        "SELECT subject, begun_before, until, number FROM cloakroom_marks \
         WHERE namespace = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    // One more than is told, to see whether there are more.
    let limit = i64::try_from(request.limit.get()).map_or(i64::MAX, |limit| limit.saturating_add(1));
    let mut rows = statement.query(params![key(&request.namespace), after, limit])?;
    let (mut marks, mut next, mut more) = (Vec::new(), after, false);
    while let Some(row) = rows.next()? {
        more = marks.len() == request.limit.get();
        if more {
            break;
        }
        let subject = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        let subject = subject::parse(subject)?;
        marks.push(Mark::new(subject, moment_in(row, 1)?, moment_in(row, 2)?));
        next = row.get(3)?;
    }
    Ok(Told::new(marks, Cursor::new(next.to_be_bytes()), more).anew(anew))
}

fn moment_in(row: &Row<'_>, at: usize) -> Result<Timestamp, Fault> {
    Ok(moment(row.get(at)?)?)
}
