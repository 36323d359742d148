//! PostgreSQL: what the driver takes for the store's own statements, on as many shared connections as the store has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom::store::Id;
use tokio_postgres::{Client, NoTls, Statement};

use crate::compare::Contest;
use crate::subject::{self, Subject};
use crate::through::Through;

/// How many connections the store shares when it is not told.
const CONNECTIONS: usize = 4;

/// The driver as it comes, and the store.
pub(crate) async fn contest(url: &str) -> Contest {
    // The store makes its tables.
    let store = Through::open(url).await;
    Contest::default()
        .with("tokio-postgres, 4 connections", Alone::new(url).await)
        .await
        .with("Cloakroom, PostgreSQL", store)
        .await
}

#[derive(Clone)]
struct Alone {
    lines: Arc<[Line]>,
    next: Arc<AtomicUsize>,
    body: Arc<[u8]>,
}

struct Line {
    client: Client,
    load: Statement,
    create: Statement,
    replace: Statement,
}

impl Alone {
    async fn new(url: &str) -> Self {
        // The options are the store's own.
        let (url, _) = url.split_once('?').unwrap_or((url, ""));
        let mut lines = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a server");
            tokio::spawn(async { connection.await.expect("it stays") });
            let prepare = async |text| client.prepare(text).await.expect("a statement");
            lines.push(Line {
                load: prepare(include_str!(
                    "../../../../crates/cloakroom/src/stores/postgres/sql/load.sql"
                ))
                .await,
                create: prepare(include_str!(
                    "../../../../crates/cloakroom/src/stores/postgres/sql/create.sql"
                ))
                .await,
                replace: prepare(include_str!(
                    "../../../../crates/cloakroom/src/stores/postgres/sql/replace.sql"
                ))
                .await,
                client,
            });
        }
        Self {
            lines: lines.into(),
            next: Arc::default(),
            body: subject::record().body,
        }
    }

    fn line(&self) -> &Line {
        &self.lines[self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS]
    }

    async fn applied(&self, id: &Id, expected: Option<i64>, revision: i64) {
        let line = self.line();
        let (namespace, id, nothing): (&[u8], &[u8], Option<&[u8]>) = (b"alone", id.as_bytes(), None);
        let (now, expires) = (1_800_000_000_000_i64, 4_000_000_000_000_i64);
        let body = &*self.body;
        let mut values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![
            &namespace, &id, &revision, &nothing, &now, &now, &expires, &nothing, &body,
        ];
        let statement = match &expected {
            None => &line.create,
            Some(expected) => {
                values.push(expected);
                &line.replace
            }
        };
        let rows = line.client.execute(statement, &values).await.expect("an answer");
        assert_eq!(rows, 1);
    }
}

impl Subject for Alone {
    type Held = (Id, i64);

    async fn begin(&self, id: Id) -> Self::Held {
        self.applied(&id, None, 1).await;
        (id, 1)
    }

    async fn read(&self, (id, _): &Self::Held) {
        let line = self.line();
        let (namespace, id): (&[u8], &[u8]) = (b"alone", id.as_bytes());
        let row = line.client.query_opt(&line.load, &[&namespace, &id]).await;
        let row = row.expect("an answer").expect("a session");
        assert_eq!(row.get::<_, &[u8]>("body").len(), self.body.len());
    }

    async fn write(&self, (id, revision): &mut Self::Held) {
        self.applied(id, Some(*revision), *revision + 1).await;
        *revision += 1;
    }
}
