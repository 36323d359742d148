//! Listing and counting: what a query asks, as SQL.

use cloakroom_store::{Count, Cursor, Error, Id, List, Namespace, Page, Query};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::row;
use crate::stores::sql::{self, Condition, position};

/// How many rows are looked at for one page or one step of counting. Ids are random, so each may be on a page of the disk of
/// its own: so many are read within the time of a call, however few of them are what is looked for.
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
        let (whose, others) = values.after(after.as_ref()).conditions(&request.query);
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

/// How many match of the next rows, and after which session to go on unless that was the end.
pub(super) async fn count(
    client: &Client,
    request: &Count,
    after: Option<&Id>,
) -> Result<Row, tokio_postgres::Error> {
    let mut values = Values::new(&request.namespace);
    let (whose, others) = values.after(after).conditions(&request.query);
    let conditions = match others.is_empty() {
        true => "true".to_owned(),
        false => others.join(" AND "),
    };
    let text = include_str!("sql/count.sql")
        .replace("{whose}", &whose)
        .replace("{conditions}", &conditions)
        .replace("{rows}", &ROWS.to_string());
    client.query_typed_one(&text, &values.borrowed()).await
}

/// What an answer of [`count`] says.
pub(super) fn counted(row: &Row) -> Result<(u64, Option<Id>), Error> {
    let matching: i64 = row::column(row, 0)?;
    let last: Option<&[u8]> = row::column(row, 1)?;
    Ok((matching.unsigned_abs(), last.map(sql::id).transpose()?))
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

    /// Begins behind an id.
    fn after(&mut self, id: Option<&Id>) -> &mut Self {
        self.place(id.map(|id| id.as_bytes().to_vec()), Type::BYTEA);
        self
    }

    /// A query as SQL: whose sessions, for which there is an index, and what else they are to be.
    fn conditions(&mut self, query: &Query) -> (String, Vec<String>) {
        let mut whose = "true".to_owned();
        let mut others = Vec::new();
        for condition in sql::conditions(query) {
            let text = self.condition(condition);
            match condition {
                Condition::Principal(_) => whose = text,
                _ => others.push(text),
            }
        }
        (whose, others)
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
