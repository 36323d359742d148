//! How rows hold records.

use cloakroom_store::{Entry, Error, Id, Label, Mark, Principal, Record, Revision, Stored, Timestamp};
use mysql_async::{Row, Value};

use crate::stores::{sql, subject};

/// Takes the columns of a row, one after the other.
struct Columns(std::vec::IntoIter<Value>);

/// The record in a row of `load.sql`.
pub(super) fn stored(row: Row) -> Result<Stored, Error> {
    let mut columns = Columns(row.unwrap().into_iter());
    let (revision, mut record) = columns.metadata()?;
    record.body = columns.bytes()?.ok_or_else(|| sql::corrupt("no body"))?.into();
    Ok(Stored::new(revision, record))
}

/// The metadata in a row of a listing.
pub(super) fn entry(row: Row) -> Result<Entry, Error> {
    let mut columns = Columns(row.unwrap().into_iter());
    let id = sql::id(&columns.bytes()?.unwrap_or_default())?;
    let (revision, record) = columns.metadata()?;
    Ok(Entry::new(id, revision, &record))
}

/// A number in the first column.
pub(super) fn number(row: Row) -> Result<i64, Error> {
    Columns(row.unwrap().into_iter()).number()
}

/// How many match, of how many that were looked at, and the last of those.
pub(super) fn counted(row: Row) -> Result<(u64, u64, Option<Id>), Error> {
    let mut columns = Columns(row.unwrap().into_iter());
    let (matching, looked_at) = (columns.number()?, columns.number()?);
    let last = columns.bytes()?.as_deref().map(sql::id).transpose()?;
    Ok((matching.unsigned_abs(), looked_at.unsigned_abs(), last))
}

/// Bytes in the two columns of a row.
pub(super) fn pair(row: Row) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut columns = Columns(row.unwrap().into_iter());
    let first = columns.bytes()?.unwrap_or_default();
    Ok((first, columns.bytes()?.unwrap_or_default()))
}

/// The two moments of a mark.
pub(super) fn moments(row: Row) -> Result<(Timestamp, Timestamp), Error> {
    let mut columns = Columns(row.unwrap().into_iter());
    let first = sql::moment(columns.number()?)?;
    Ok((first, sql::moment(columns.number()?)?))
}

/// The latest number of marks, and which of their histories it belongs to.
pub(super) fn history(row: Row) -> Result<(i64, Vec<u8>), Error> {
    let mut columns = Columns(row.unwrap().into_iter());
    let latest = columns.number()?;
    Ok((latest, columns.bytes()?.unwrap_or_default()))
}

/// A mark, and the number of its last change.
pub(super) fn mark(row: Row) -> Result<(Mark, i64), Error> {
    let mut columns = Columns(row.unwrap().into_iter());
    let subject = subject::parse(&columns.bytes()?.unwrap_or_default())?;
    let begun_before = sql::moment(columns.number()?)?;
    let mark = Mark::new(subject, begun_before, sql::moment(columns.number()?)?);
    Ok((mark, columns.number()?))
}

/// There is no row where there always is one.
pub(super) fn none<T>() -> Result<T, Error> {
    Err(sql::corrupt("no row where there must be one"))
}

impl Columns {
    /// The columns from the revision to the label, in a record without a body.
    fn metadata(&mut self) -> Result<(Revision, Record), Error> {
        let revision = sql::revision(self.number()?);
        let principal = match self.text("a principal that is not UTF-8")? {
            Some(text) => Some(
                Principal::new(text).map_err(|_| sql::corrupt("a principal of no or of too many bytes"))?,
            ),
            None => None,
        };
        let created = sql::moment(self.number()?)?;
        let last_seen = sql::moment(self.number()?)?;
        let expires = sql::moment(self.number()?)?;
        let label = self.text("a label that is not UTF-8")?;
        let record = Record::new(created, expires, [])
            .with_last_seen(last_seen)
            .with_principal(principal)
            .with_label(label.map(|text| Label::new(&text)));
        Ok((revision, record))
    }

    fn number(&mut self) -> Result<i64, Error> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            Some(Value::UInt(number)) => {
                i64::try_from(number).map_err(|_| sql::corrupt("a number that is too large"))
            }
            _ => Err(sql::corrupt("something else where a number should be")),
        }
    }

    fn bytes(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::NULL) => Ok(None),
            _ => Err(sql::corrupt("something else where bytes should be")),
        }
    }

    fn text(&mut self, otherwise: &str) -> Result<Option<String>, Error> {
        self.bytes()?
            .map(|bytes| String::from_utf8(bytes).map_err(|_| sql::corrupt(otherwise)))
            .transpose()
    }
}
