//! Listing and counting: what a query asks, as SQL.

use cloakroom_store::{Count, Cursor, Error, List, Namespace, Page};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::row;
use crate::stores::sql::{Condition, conditions, position};

/// How many rows are looked at for one page, so that a page of what is rare does not take long.
const ROWS: usize = 10_000;

/// One statement that shows a page.
pub(super) struct Listing {
    text: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
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
        values.place(after.map(|id| id.as_bytes().to_vec()));
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
        Ok(Self {
            text,
            values: values.0,
            limit,
        })
    }

    /// Asks for it.
    pub(super) async fn ask(&self, client: &Client) -> Result<Vec<Row>, tokio_postgres::Error> {
        client.query(&self.text, &borrowed(&self.values)).await
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
    client.query_one_scalar(&text, &borrowed(&values.0)).await
}

/// The values of a statement, in the order of their places.
struct Values(Vec<Box<dyn ToSql + Sync + Send>>);

impl Values {
    fn new(namespace: &Namespace) -> Self {
        Self(vec![Box::new(namespace.as_str().as_bytes().to_vec())])
    }

    /// Takes a value, and answers its place.
    fn place(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.0.push(Box::new(value));
        format!("${}", self.0.len())
    }

    fn condition(&mut self, condition: Condition<'_>) -> String {
        match condition {
            Condition::Principal(who) => format!("principal = {}", self.place(who.to_vec())),
            Condition::CreatedBefore(moment) => format!("created < {}", self.place(moment)),
            Condition::SeenBefore(moment) => format!("last_seen < {}", self.place(moment)),
            Condition::LiveAt(moment) => format!("expires > {}", self.place(moment)),
            Condition::LabelContains(text) => format!("position({} IN label) > 0", self.place(text.to_vec())),
        }
    }
}

fn borrowed(values: &[Box<dyn ToSql + Sync + Send>]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as _).collect()
}
