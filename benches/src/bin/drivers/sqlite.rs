//! SQLite: what rusqlite takes for the store's own statements, reading in the task that asks and writing in a thread.

use std::sync::{Arc, Mutex, PoisonError};

use cloakroom::store::Id;
use cloakroom::stores::Sqlite;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use crate::compare::Contest;
use crate::grouped::Grouped;
use crate::subject::{self, Subject};
use crate::through::Through;

/// The driver, and the store, each with a file of its own.
pub(crate) async fn contest(url: &str) -> Contest {
    let path = url.trim_start_matches("sqlite:");
    let alone = format!("{path}-alone");
    Sqlite::migrate(&alone).await.expect("a new file");
    Contest::default()
        .with("rusqlite, one connection that writes", Alone::open(alone))
        .await
        .with("Cloakroom, SQLite", Through::open(url).await)
        .await
}

#[derive(Clone)]
struct Alone {
    path: Arc<str>,
    /// The connections that read, of which nobody uses these.
    idle: Arc<Mutex<Vec<Connection>>>,
    writer: Grouped<Write>,
}

/// A write at a revision, or of a new session.
struct Write {
    id: Id,
    expected: Option<i64>,
    revision: i64,
}

/// What the store tells its connections.
const TOLD: &str = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; \
                    PRAGMA cache_size = -8192;";
const TOLD_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096; \
                           PRAGMA journal_size_limit = 67108864;";

const NAMESPACE: &[u8] = b"bench";

impl Alone {
    fn open(path: String) -> Self {
        let mut connection = connect(&path);
        connection.execute_batch(TOLD_WRITER).expect("SQLite knows these");
        let body = subject::record().body;
        let commit = move |writes: &[Write]| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .expect("nobody else writes");
            for write in writes {
                apply(&transaction, write, &body).expect("an answer");
            }
            transaction.commit().expect("there is room on the disk");
        };
        Self {
            path: path.into(),
            idle: Arc::default(),
            writer: Grouped::start(commit),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(path: &str) -> Connection {
    let connection = Connection::open(path).expect("a file of SQLite");
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(TOLD).expect("SQLite knows these");
    // Or a statement is compiled anew for every value.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .expect("SQLite knows it");
    connection
}

fn apply(connection: &Connection, write: &Write, body: &[u8]) -> rusqlite::Result<()> {
    let id = write.id.as_bytes();
    let find = "SELECT revision, principal, body FROM cloakroom_sessions WHERE namespace = ?1 AND id = ?2";
    let found: Option<(i64, i64)> = connection
        .prepare_cached(find)?
        .query_row(params![NAMESPACE, id], |row| Ok((row.get(0)?, row.get(2)?)))
        .optional()?;
    assert_eq!(found.map(|(revision, _)| revision), write.expected);
    let (nobody, now, expires) = (None::<&[u8]>, 1_800_000_000_000_i64, 4_000_000_000_000_i64);
    let Some((_, number)) = found else {
        let insert = "INSERT INTO cloakroom_bodies (data) VALUES (?1)";
        connection.prepare_cached(insert)?.execute([body])?;
        let number = connection.last_insert_rowid();
        let create = include_str!("../../../../crates/cloakroom/src/stores/sqlite/sql/create.sql");
        connection.prepare_cached(create)?.execute(params![
            NAMESPACE,
            id,
            write.revision,
            nobody,
            now,
            now,
            expires,
            nobody,
            number
        ])?;
        return Ok(());
    };
    let update = "UPDATE cloakroom_bodies SET data = ?2 WHERE number = ?1";
    connection
        .prepare_cached(update)?
        .execute(params![number, body])?;
    let replace = include_str!("../../../../crates/cloakroom/src/stores/sqlite/sql/replace.sql");
    connection.prepare_cached(replace)?.execute(params![
        NAMESPACE,
        id,
        write.revision,
        nobody,
        now,
        now,
        expires,
        nobody
    ])?;
    Ok(())
}

/// Revision, principal, created, last seen, expires and label.
type Others = (i64, Option<Vec<u8>>, i64, i64, i64, Option<Vec<u8>>);

/// Everything that was selected.
fn values(row: &Row<'_>) -> rusqlite::Result<(Others, Vec<u8>)> {
    let others = (
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
    );
    Ok((others, row.get(6)?))
}

impl Subject for Alone {
    type Held = (Id, i64);

    async fn begin(&self, id: Id) -> Self::Held {
        let write = Write {
            id,
            expected: None,
            revision: 1,
        };
        self.writer.write(write).await;
        (id, 1)
    }

    async fn read(&self, (id, _): &Self::Held) {
        let connection = self.idle().pop();
        let connection = connection.unwrap_or_else(|| connect(&self.path));
        let load = include_str!("../../../../crates/cloakroom/src/stores/sqlite/sql/load.sql");
        let (_, body) = connection
            .prepare_cached(load)
            .expect("a statement")
            .query_row(params![NAMESPACE, id.as_bytes()], values)
            .expect("a session");
        assert!(!body.is_empty());
        self.idle().push(connection);
    }

    async fn write(&self, (id, revision): &mut Self::Held) {
        let write = Write {
            id: *id,
            expected: Some(*revision),
            revision: *revision + 1,
        };
        self.writer.write(write).await;
        *revision += 1;
    }
}
