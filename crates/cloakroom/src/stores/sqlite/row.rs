//! Rows: what a session's record looks like in the columns.

use cloakroom_store::{Entry, Error, Id, Label, Namespace, Principal, Record, Revision, Stored};
use rusqlite::Row;

use super::failure::Fault;
use crate::stores::sql::{self, corrupt};

/// A namespace as its column holds it.
pub(super) fn key(namespace: &Namespace) -> &[u8] {
    namespace.as_str().as_bytes()
}

/// A principal as its column holds it.
pub(super) fn who(principal: &Principal) -> &[u8] {
    principal.as_str().as_bytes()
}

/// Reads revision, principal, the three times and the label, which begin in this column; and the body behind them.
pub(super) fn stored(row: &Row<'_>) -> Result<Stored, Fault> {
    let body: Option<&[u8]> = row.get_ref(6)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    let body = body.ok_or_else(|| corrupt("no data"))?;
    let (revision, record) = metadata(row, 0, body)?;
    Ok(Stored::new(revision, record))
}

/// Reads an id and, behind it, the clear metadata.
pub(super) fn entry(row: &Row<'_>) -> Result<Entry, Fault> {
    let id = id(row, 0)?;
    let (revision, record) = metadata(row, 1, &[])?;
    Ok(Entry::new(id, revision, &record))
}

/// Reads the id in this column.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<Id, Fault> {
    let bytes = row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(sql::id(bytes)?)
}

/// Reads the principal in this column, or that there is nobody.
pub(super) fn principal(row: &Row<'_>, column: usize) -> Result<Option<Principal>, Fault> {
    let principal = text(row, column)?.map(Principal::new).transpose();
    Ok(principal.map_err(|_| corrupt("a principal that nobody can have"))?)
}

fn metadata(row: &Row<'_>, first: usize, body: &[u8]) -> Result<(Revision, Record), Fault> {
    let moment = |column: usize| -> Result<_, Fault> { Ok(sql::moment(row.get(first + column)?)?) };
    let record = Record::new(moment(2)?, moment(4)?, body)
        .with_last_seen(moment(3)?)
        .with_principal(principal(row, first + 1)?)
        .with_label(text(row, first + 5)?.map(Label::new));
    Ok((sql::revision(row.get(first)?), record))
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r str>, Fault> {
    let bytes = row
        .get_ref(column)?
        .as_blob_or_null()
        .map_err(rusqlite::Error::from)?;
    let text: Result<_, Error> = bytes
        .map(|bytes| str::from_utf8(bytes).map_err(|_| corrupt("text that is not UTF-8")))
        .transpose();
    Ok(text?)
}
