//! What the SQL stores share: how columns hold what a record has, and what a query asks of them.

use cloakroom_store::{Cursor, Error, ErrorKind, Id, Query, Revision, Timestamp};

/// A moment as a column of signed 64 bits holds it.
pub(crate) fn millis(moment: Timestamp) -> i64 {
    // `Timestamp::MAX` is what fits.
    i64::try_from(moment.as_unix_millis()).unwrap_or(i64::MAX)
}

/// The moment a column holds.
pub(crate) fn moment(millis: i64) -> Result<Timestamp, Error> {
    u64::try_from(millis)
        .map(Timestamp::from_unix_millis)
        .map_err(|_| corrupt("a moment before 1970"))
}

/// A revision as a column of signed 64 bits holds it: the same bits.
pub(crate) fn column(revision: Revision) -> i64 {
    revision.value().cast_signed()
}

/// The revision a column holds.
pub(crate) fn revision(column: i64) -> Revision {
    Revision::new(column.cast_unsigned())
}

/// The id a column holds.
pub(crate) fn id(bytes: &[u8]) -> Result<Id, Error> {
    bytes
        .try_into()
        .map(Id::from_bytes)
        .map_err(|_| corrupt("an id that is not 16 bytes long"))
}

/// Where a page begins: behind the last id of the one before.
pub(crate) fn position(cursor: Option<&Cursor>) -> Result<Option<Id>, Error> {
    cursor
        .map(|cursor| id(cursor.as_bytes()))
        .transpose()
        .map_err(|_| {
            Error::new(
                ErrorKind::InvalidCursor,
                "the cursor is not one of this store's listings",
            )
        })
}

/// One condition of a query, as the columns are to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// The principal is these bytes.
    Principal(&'a [u8]),
    /// `created` is less.
    CreatedBefore(i64),
    /// `last_seen` is less.
    SeenBefore(i64),
    /// `expires` is greater.
    LiveAt(i64),
    /// There is a label, and it has these bytes in it.
    LabelContains(&'a [u8]),
}

/// What a query asks for: all of these.
pub(crate) fn conditions(query: &Query) -> Vec<Condition<'_>> {
    let conditions = [
        query
            .principal
            .as_ref()
            .map(|who| Condition::Principal(who.as_str().as_bytes())),
        query.created_before.map(millis).map(Condition::CreatedBefore),
        query.seen_before.map(millis).map(Condition::SeenBefore),
        query.live_at.map(millis).map(Condition::LiveAt),
        query
            .label_contains
            .as_deref()
            .map(str::as_bytes)
            .map(Condition::LabelContains),
    ];
    conditions.into_iter().flatten().collect()
}

/// What is kept cannot be read.
pub(crate) fn corrupt(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("could not read a session from the database: it has {what}"),
    )
}
