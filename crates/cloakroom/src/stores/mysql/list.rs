//! Listing in pages by id, and counting.

use cloakroom_store::{Count, Cursor, Error, Id, List, Page};

use super::values::Values;
use super::{Mysql, row};
use crate::stores::sql::{self, Condition};

/// So many rows are looked at for one page at least where some may not match, so that few that do are not a request
/// for each.
const ROWS: usize = 1000;

/// And so many at most, also to count: each step is answered within the time of a call.
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
    let statement = match &request.query.principal {
        Some(_) => include_str!("sql/count_principal.sql"),
        None => include_str!("sql/count.sql"),
    };
    let (mut count, mut after) = (0, None);
    loop {
        let values = || counting(request, after.as_ref());
        let mut answer = store.read("count sessions", statement, values).await?;
        let row = answer.rows.pop();
        let row = row.ok_or_else(|| sql::corrupt("a count that answers nothing"))?;
        let (matching, looked_at, last) = row::counted(row)?;
        count += matching;
        after = last.filter(|_| looked_at == MOST_ROWS as u64);
        if after.is_none() {
            return Ok(count);
        }
    }
}

/// The values of a step of counting, behind an id.
fn counting(request: &Count, after: Option<&Id>) -> Values {
    let (mut last_created, mut last_seen, mut expired) = (i64::MAX, i64::MAX, -1);
    let (mut principal, mut label) = (None, None);
    for condition in sql::conditions(&request.query) {
        match condition {
            Condition::Principal(bytes) => principal = Some(bytes),
            // Less than a moment is at most the one before it, and so there is a moment for "all".
            Condition::CreatedBefore(moment) => last_created = moment - 1,
            Condition::SeenBefore(moment) => last_seen = moment - 1,
            Condition::LiveAt(moment) => expired = moment,
            Condition::LabelContains(bytes) => label = Some(bytes),
        }
    }
    let values = Values::default();
    let values = values.number(last_created).number(last_seen).number(expired);
    let values = match label {
        Some(label) => values.number(1).bytes(label),
        None => values.number(0).bytes(&[]),
    };
    let values = values.namespace(&request.namespace);
    let values = match principal {
        Some(principal) => values.bytes(principal),
        None => values,
    };
    // Every id is behind no bytes.
    let after = after.map_or(&[][..], |id| id.as_bytes());
    values.bytes(after).limit(MOST_ROWS)
}

fn cursor(last: Id) -> Cursor {
    Cursor::new(&last.as_bytes()[..])
}
