//! Loading, listing and counting, from one snapshot each.

use cloakroom_store::{Cursor, Id, List, Load, Namespace, Page, Query, Stored};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::failure::Fault;
use super::row::{self, key};
use crate::stores::sql::{self, Condition};

/// How many rows are looked at in one snapshot: while it is read, the log cannot be begun anew and grows.
pub(super) const ROWS: u32 = 4096;

/// See [`Store::load`](cloakroom_store::Store::load).
pub(super) fn load(connection: &Connection, request: &Load) -> Result<Option<Stored>, Fault> {
    let mut statement = connection.prepare_cached(include_str!("sql/load.sql"))?;
    let mut rows = statement.query(params![key(&request.namespace), request.id.as_bytes()])?;
    rows.next()?.map(row::stored).transpose()
}

/// One page after a session, see [`Store::list`](cloakroom_store::Store::list).
pub(super) fn page(connection: &Connection, request: &List, after_id: Option<&Id>) -> Result<Page, Fault> {
    let Selection {
        range,
        matching,
        values,
    } = Selection::new(&request.namespace, &request.query, after_id);
    let sql = format!(
        "SELECT id, revision, principal, created, last_seen, expires, label, {matching} FROM cloakroom_sessions \
         WHERE {range} ORDER BY id LIMIT {ROWS}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut page, mut looked_at) = (Page::default(), 0);
    while let Some(row) = rows.next()? {
        if row.get(7)? {
            page.entries.push(row::entry(row)?);
        }
        looked_at += 1;
        if looked_at == ROWS || page.entries.len() == request.limit.get() {
            page.next = Some(Cursor::new(*row::id(row, 0)?.as_bytes()));
            break;
        }
    }
    Ok(page)
}

/// How many match of the next rows, and after which session to go on unless that was the end.
pub(super) fn count(
    connection: &Connection,
    namespace: &Namespace,
    query: &Query,
    after_id: Option<&Id>,
) -> Result<(u64, Option<Id>), Fault> {
    let Selection {
        range,
        matching,
        values,
    } = Selection::new(namespace, query, after_id);
    let sql = format!(
        "SELECT coalesce(sum(matching), 0), count(*), max(id) FROM (SELECT id, {matching} AS matching \
         FROM cloakroom_sessions WHERE {range} ORDER BY id LIMIT {ROWS})"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let Some(row) = rows.next()? else {
        return Ok((0, None));
    };
    let (matching, looked_at): (i64, u32) = (row.get(0)?, row.get(1)?);
    let last = (looked_at == ROWS).then(|| row::id(row, 2)).transpose()?;
    Ok((matching.unsigned_abs(), last))
}

/// As the column of ids is compared: every id is greater than no bytes.
pub(super) fn after(id: Option<&Id>) -> &[u8] {
    id.map_or(&[], |id| id.as_bytes())
}

/// A query as SQL: which rows to look at, and which of them match.
struct Selection {
    range: String,
    matching: String,
    /// What the parameters stand for.
    values: Vec<Value>,
}

impl Selection {
    fn new(namespace: &Namespace, query: &Query, after_id: Option<&Id>) -> Self {
        let mut selection = Self {
            range: "namespace = ?1 AND id > ?2".to_owned(),
            matching: "1".to_owned(),
            values: vec![
                Value::Blob(key(namespace).to_vec()),
                Value::Blob(after(after_id).to_vec()),
            ],
        };
        for condition in sql::conditions(query) {
            selection.add(condition);
        }
        selection
    }

    fn add(&mut self, condition: Condition<'_>) {
        let at = self.values.len() + 1;
        let (part, sql, value) = match condition {
            // There is an index: the others need not be looked at.
            Condition::Principal(who) => (
                &mut self.range,
                format!("principal = ?{at}"),
                Value::Blob(who.to_vec()),
            ),
            Condition::CreatedBefore(moment) => (
                &mut self.matching,
                format!("created < ?{at}"),
                Value::Integer(moment),
            ),
            Condition::SeenBefore(moment) => (
                &mut self.matching,
                format!("last_seen < ?{at}"),
                Value::Integer(moment),
            ),
            Condition::LiveAt(moment) => (
                &mut self.matching,
                format!("expires > ?{at}"),
                Value::Integer(moment),
            ),
            Condition::LabelContains(text) => (
                &mut self.matching,
                format!("label IS NOT NULL AND instr(label, ?{at}) > 0"),
                Value::Blob(text.to_vec()),
            ),
        };
        part.push_str(" AND ");
        part.push_str(&sql);
        self.values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::stores::sqlite::file::DataFile;
    use crate::stores::sqlite::options::SqliteOptions;
    use crate::stores::sqlite::{connection, migrations};

    /// To compile the statement takes ten times as long as to run it.
    #[test]
    fn loading_another_session_compiles_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = DataFile::locate(&directory.path().join("sessions.db")).unwrap();
        let options = SqliteOptions::default();
        let _writer = migrations::prepare(&file, &options).unwrap();
        let reader = connection::reader(&file, options.cache).unwrap();
        for n in 0..3 {
            let request = Load::new(Namespace::new("shop").unwrap(), Id::from_bytes([n; Id::LEN]));
            assert_eq!(load(&reader, &request).unwrap(), None);
        }
        let statement = reader.prepare_cached(include_str!("sql/load.sql")).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 3);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
