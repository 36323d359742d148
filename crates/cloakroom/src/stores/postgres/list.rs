//! Listing and counting: what a query asks, as SQL.

use cloakroom_store::{Count, Cursor, Error, List, Namespace, Page};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::row;
use crate::stores::sql::{Condition, conditions, position};

/// How many rows are looked at for one page, so that a page of what is rare does not take long.
const ROWS: usize = 10_000;

/// One statement that shows a page.
pub(super) struct Listing {
    text: String,
    values: Values,
    limit: usize,
}

impl Listing {
    /// What to ask for a page.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCursor`](cloakroom_store::ErrorKind::InvalidCursor) for a cursor that is not ours.
    pub(super) fn new(request: &List) -> Result<Self, Error> {
        let after = position(request.after.as_ref())?;
        let mut values = Values::new(&request.namespace);
        values.place(after.map(|id| id.as_bytes().to_vec()), Type::BYTEA);
        let mut whose = "true".to_owned();
        let mut others = Vec::new();
        for condition in conditions(&request.query) {
            let text = values.condition(condition);
            match condition {
                // There is an index for it.
                Condition::Principal(_) => whose = text,
                _ => others.push(text),
            }
        }
        let limit = request.limit.get().min(ROWS);
        let (rows, conditions) = if others.is_empty() {
            (limit, "true".to_owned())
        } else {
            (ROWS, others.join(" AND "))
        };
        let text = include_str!("sql/list.sql")
            .replace("{whose}", &whose)
            .replace("{conditions}", &conditions)
            .replace("{rows}", &rows.to_string())
            .replace("{limit}", &limit.to_string());
        Ok(Self { text, values, limit })
    }

    /// Asks for it.
    pub(super) async fn ask(&self, client: &Client) -> Result<Vec<Row>, tokio_postgres::Error> {
        client.query_typed(&self.text, &self.values.borrowed()).await
    }

    /// What the answer shows.
    pub(super) fn page(&self, rows: &[Row]) -> Result<Page, Error> {
        let mut page = Page::default();
        let mut stopped = None;
        for found in rows {
            let entry = row::entry(found)?;
            if row::column(found, 7)? {
                page.entries.push(entry);
            } else {
                stopped = Some(entry.id);
            }
        }
        if page.entries.len() == self.limit {
            stopped = page.entries.last().map(|entry| entry.id);
        }
        page.next = stopped.map(|id| Cursor::new(*id.as_bytes()));
        Ok(page)
    }
}

/// Counts what matches.
pub(super) async fn count(client: &Client, request: &Count) -> Result<i64, tokio_postgres::Error> {
    let mut values = Values::new(&request.namespace);
    let mut text = "SELECT count(*) FROM cloakroom_sessions WHERE namespace = $1".to_owned();
    for condition in conditions(&request.query) {
        text.push_str(" AND ");
        text.push_str(&values.condition(condition));
    }
    client
        .query_typed_one(&text, &values.borrowed())
        .await?
        .try_get(0)
}

/// The values of a statement, in the order of their places, with their types: so it is one round trip, not three.
struct Values(Vec<(Box<dyn ToSql + Sync + Send>, Type)>);

impl Values {
    fn new(namespace: &Namespace) -> Self {
        Self(vec![(
            Box::new(namespace.as_str().as_bytes().to_vec()),
            Type::BYTEA,
        )])
    }

    /// Takes a value, and answers its place.
    fn place(&mut self, value: impl ToSql + Sync + Send + 'static, r#type: Type) -> String {
        self.0.push((Box::new(value), r#type));
        format!("${}", self.0.len())
    }

    fn condition(&mut self, condition: Condition<'_>) -> String {
        match condition {
            Condition::Principal(who) => format!("principal = {}", self.place(who.to_vec(), Type::BYTEA)),
            Condition::CreatedBefore(moment) => format!("created < {}", self.place(moment, Type::INT8)),
            Condition::SeenBefore(moment) => format!("last_seen < {}", self.place(moment, Type::INT8)),
            Condition::LiveAt(moment) => format!("expires > {}", self.place(moment, Type::INT8)),
            Condition::LabelContains(text) => {
                let text = self.place(text.to_vec(), Type::BYTEA);
                format!("position({text} IN label) > 0")
            }
        }
    }

    fn borrowed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let values = self.0.iter();
        values
            .map(|(value, r#type)| (&**value as &(dyn ToSql + Sync), r#type.clone()))
            .collect()
    }
}
