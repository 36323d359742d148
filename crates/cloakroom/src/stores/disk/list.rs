//! Loading and listing, from one snapshot each.

use cloakroom_store::{Cursor, Error, ErrorKind, Id, List, Load, Page, Stored};
use redb::ReadTransaction;

use super::failure::Fault;
use super::key;
use super::tables;

/// How many rows are looked at for one page.
const ROWS: usize = 4096;

/// See [`Store::load`](cloakroom_store::Store::load).
pub(super) fn load(transaction: &ReadTransaction, request: &Load) -> Result<Option<Stored>, Fault> {
    let sessions = transaction.open_table(tables::SESSIONS)?;
    match sessions.get(&*key::session(&request.namespace, &request.id))? {
        None => Ok(None),
        Some(bytes) => Ok(Some(tables::parse(bytes.value())?.stored())),
    }
}

/// One page after a session, see [`Store::list`](cloakroom_store::Store::list).
pub(super) fn page(transaction: &ReadTransaction, request: &List, after: Option<Id>) -> Result<Page, Fault> {
    let sessions = transaction.open_table(tables::SESSIONS)?;
    let mut page = Page::default();
    let mut last = None;
    let mut looked_at = 0;
    // Takes a row into the page, and says whether the page goes on.
    let mut look_at = |id: Id, row: &[u8]| -> Result<bool, Fault> {
        let entry = tables::parse(row)?.entry(id);
        if request.query.matches(&entry) {
            page.entries.push(entry);
        }
        looked_at += 1;
        last = Some(id);
        Ok(looked_at < ROWS && page.entries.len() < request.limit.get())
    };
    let mut whole = true;
    match &request.query.principal {
        None => {
            let range = key::sessions(&request.namespace, after.as_ref());
            for entry in sessions.range::<&[u8]>(&**range.start()..=&**range.end())? {
                let (key, row) = entry?;
                whole = look_at(tables::id_of(key.value())?, row.value())?;
                if !whole {
                    break;
                }
            }
        }
        Some(principal) => {
            let principals = transaction.open_table(tables::PRINCIPALS)?;
            let range = key::principals(&request.namespace, principal, after.as_ref());
            for entry in principals.range::<&[u8]>(&**range.start()..=&**range.end())? {
                let id = tables::id_of(entry?.0.value())?;
                let Some(row) = sessions.get(&*key::session(&request.namespace, &id))? else {
                    continue;
                };
                whole = look_at(id, row.value())?;
                if !whole {
                    break;
                }
            }
        }
    }
    page.next = last.filter(|_| !whole).map(|id| Going::of(request).after(id));
    Ok(page)
}

/// What a cursor goes on with. One does not fit the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    /// A listing of everybody.
    Everybody = 1,
    /// A listing of a principal.
    Principal = 2,
    /// Ending everyone's sessions.
    Ending = 3,
}

impl Going {
    fn of(request: &List) -> Self {
        match request.query.principal {
            None => Self::Everybody,
            Some(_) => Self::Principal,
        }
    }

    /// A cursor that goes on after this session.
    pub(super) fn after(self, last: Id) -> Cursor {
        let mut bytes = vec![self as u8];
        bytes.extend_from_slice(last.as_bytes());
        Cursor::new(bytes)
    }

    /// After which session a cursor goes on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCursor`] for one that goes on with something else.
    pub(super) fn read(self, cursor: Option<&Cursor>) -> Result<Option<Id>, Error> {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        let id = cursor.as_bytes().split_first().and_then(|(kind, id)| {
            let id = <[u8; Id::LEN]>::try_from(id).ok()?;
            (*kind == self as u8).then_some(Id::from_bytes(id))
        });
        let id = id.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidCursor,
                "the cursor is not one that was given here: begin again without one",
            )
        })?;
        Ok(Some(id))
    }
}

/// After which session a listing goes on.
pub(super) fn begin(request: &List) -> Result<Option<Id>, Error> {
    Going::of(request).read(request.after.as_ref())
}
