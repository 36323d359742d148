//! Listing in pages by id, and counting.

use cloakroom_store::{Count, Cursor, Error, Id, List, Page};

use super::values::Values;
use super::{Mysql, row};
use crate::stores::sql::{self, Condition};

/// So many rows are looked at for one page at least where some may not match, so that few that do are not a request
/// for each.
const ROWS: usize = 1000;

/// And so many at most.
const MOST_ROWS: usize = 10_000;

/// See [`Store::list`](cloakroom_store::Store::list).
///
/// The server goes by the namespace, the principal and the id, and looks at so many rows; what else a query asks is
/// judged here. So a page takes the same time whatever few sessions match.
pub(super) async fn list(store: &Mysql, request: &List) -> Result<Page, Error> {
    let after = sql::position(request.after.as_ref())?;
    let judged = sql::conditions(&request.query)
        .iter()
        .any(|condition| !matches!(condition, Condition::Principal(_)));
    let least = if judged { ROWS } else { 1 };
    let rows = request.limit.get().clamp(least, MOST_ROWS);
    let principal = request.query.principal.as_ref();
    let statement = match principal {
        Some(_) => include_str!("sql/list_principal.sql"),
        None => include_str!("sql/list.sql"),
    };
    let values = || {
        let values = Values::of(&request.namespace);
        let values = match principal {
            Some(principal) => values.principal(Some(principal)),
            None => values,
        };
        // Every id is behind no bytes.
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        values.bytes(after).limit(rows)
    };
    let answer = store.read("list sessions", statement, values).await?;
    let mut page = Page::default();
    let looked_at = answer.rows.len();
    let mut last: Option<Id> = None;
    for (n, row) in answer.rows.into_iter().enumerate() {
        let entry = row::entry(row)?;
        last = Some(entry.id);
        if request.query.matches(&entry) {
            page.entries.push(entry);
        }
        if page.entries.len() == request.limit.get() && n + 1 < looked_at {
            page.next = last.map(cursor);
            return Ok(page);
        }
    }
    page.next = last.filter(|_| looked_at == rows).map(cursor);
    Ok(page)
}

/// See [`Store::count`](cloakroom_store::Store::count).
pub(super) async fn count(store: &Mysql, request: &Count) -> Result<u64, Error> {
    let conditions = sql::conditions(&request.query);
    let mut last_created = i64::MAX;
    let mut last_seen = i64::MAX;
    let mut expired = -1;
    let (mut principal, mut label) = (None, None);
    for condition in conditions {
        match condition {
            Condition::Principal(bytes) => principal = Some(bytes),
            // Less than a moment is at most the one before it, and so there is a moment for "all".
            Condition::CreatedBefore(moment) => last_created = moment - 1,
            Condition::SeenBefore(moment) => last_seen = moment - 1,
            Condition::LiveAt(moment) => expired = moment,
            Condition::LabelContains(bytes) => label = Some(bytes),
        }
    }
    let statement = match principal {
        Some(_) => include_str!("sql/count_principal.sql"),
        None => include_str!("sql/count.sql"),
    };
    let values = || {
        let values = Values::of(&request.namespace);
        let values = match principal {
            Some(principal) => values.bytes(principal),
            None => values,
        };
        let values = values.number(last_created).number(last_seen).number(expired);
        match label {
            Some(label) => values.number(1).bytes(label),
            None => values.number(0).bytes(&[]),
        }
    };
    let mut answer = store.read("count sessions", statement, values).await?;
    let counted = answer
        .rows
        .pop()
        .ok_or_else(|| sql::corrupt("a count that answers nothing"))?;
    Ok(row::number(counted)?.unsigned_abs())
}

fn cursor(last: Id) -> Cursor {
    Cursor::new(&last.as_bytes()[..])
}
