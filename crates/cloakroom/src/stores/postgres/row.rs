//! How a session's row is read.

use cloakroom_store::{Entry, Error, Label, Principal, Record, Revision, Stored};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::stores::sql::{corrupt, id, moment, revision};

/// A session with its body: what `sql/load.sql` answers.
pub(super) fn stored(row: &Row) -> Result<Stored, Error> {
    let body: Option<&[u8]> = column(row, 6)?;
    let body = body.ok_or_else(|| corrupt("no body"))?;
    let (revision, record) = record(row, 0, body)?;
    Ok(Stored::new(revision, record))
}

/// A session without its body: what `sql/list.sql` answers.
pub(super) fn entry(row: &Row) -> Result<Entry, Error> {
    let session = id(column(row, 0)?)?;
    let (revision, record) = record(row, 1, &[])?;
    Ok(Entry::new(session, revision, &record))
}

/// Reads one column.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, Error> {
    row.try_get(at).map_err(|_| corrupt("a column of another type"))
}

/// What is in the columns from `first` on: revision, principal, created, last seen, expires, label.
fn record(row: &Row, first: usize, body: &[u8]) -> Result<(Revision, Record), Error> {
    let principal: Option<&[u8]> = column(row, first + 1)?;
    let principal = principal.map(|bytes| {
        let text = std::str::from_utf8(bytes).ok();
        let principal = text.and_then(|text| Principal::new(text).ok());
        principal.ok_or_else(|| corrupt("a principal that is none"))
    });
    let label: Option<&[u8]> = column(row, first + 5)?;
    let label = label.map(|bytes| {
        let text = std::str::from_utf8(bytes);
        text.map(Label::new)
            .map_err(|_| corrupt("a label that is not text"))
    });
    let created = moment(column(row, first + 2)?)?;
    let expires = moment(column(row, first + 4)?)?;
    let record = Record::new(created, expires, body)
        .with_last_seen(moment(column(row, first + 3)?)?)
        .with_principal(principal.transpose()?)
        .with_label(label.transpose()?);
    Ok((revision(column(row, first)?), record))
}
