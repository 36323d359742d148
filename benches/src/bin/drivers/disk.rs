//! Disk: what redb takes for one table, reading in the task that asks and writing in a thread.

use std::sync::Arc;

use cloakroom::store::Id;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use crate::compare::Contest;
use crate::grouped::Grouped;
use crate::subject::{self, Subject};
use crate::through::Through;

/// The engine, and the store, each with a file of its own.
pub(crate) async fn contest(url: &str) -> Contest {
    let path = url.trim_start_matches("disk:");
    Contest::default()
        .with("redb, one table", Alone::open(&format!("{path}-alone")))
        .await
        .with("Cloakroom, disk", Through::open(url).await)
        .await
}

#[derive(Clone)]
struct Alone {
    database: Arc<Database>,
    writer: Grouped<Write>,
}

/// A key, the row that is expected there, and the one to write.
struct Write {
    key: Vec<u8>,
    expected: Option<u64>,
    row: Vec<u8>,
}

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// What the store keeps in memory of its file.
const CACHE: usize = 64 << 20;

impl Alone {
    fn open(path: &str) -> Self {
        let database = Database::builder().set_cache_size(CACHE).create(path);
        let database = Arc::new(database.expect("a new file"));
        let writing = Arc::clone(&database);
        let commit = move |writes: &[Write]| {
            let transaction = writing.begin_write().expect("nobody else writes");
            let mut rows = transaction.open_table(ROWS).expect("a table");
            for write in writes {
                let found = rows.get(&*write.key).expect("a row, or none");
                assert_eq!(found.map(|row| revision(row.value())), write.expected);
                rows.insert(&*write.key, &*write.row).expect("there is room");
            }
            drop(rows);
            transaction.commit().expect("there is room on the disk");
        };
        Self {
            database,
            writer: Grouped::start(commit),
        }
    }

    async fn applied(&self, id: &Id, expected: Option<u64>) -> u64 {
        let revision = expected.unwrap_or(0) + 1;
        let (key, row) = (key(id), row(revision));
        self.writer.write(Write { key, expected, row }).await;
        revision
    }
}

/// As long as the store's: namespace and id.
fn key(id: &Id) -> Vec<u8> {
    [b"\x05bench", id.as_bytes().as_slice()].concat()
}

/// As long as the store's: format, revision, four moments, no principal, no label, and the body.
fn row(revision: u64) -> Vec<u8> {
    let body = subject::record().body;
    [[1; 1].as_slice(), &revision.to_be_bytes(), &[0; 32 + 2], &body].concat()
}

fn revision(row: &[u8]) -> u64 {
    u64::from_be_bytes(row[1..9].try_into().expect("eight bytes"))
}

impl Subject for Alone {
    type Held = (Id, u64);

    async fn begin(&self, id: Id) -> Self::Held {
        (id, self.applied(&id, None).await)
    }

    async fn read(&self, (id, _): &Self::Held) {
        let transaction = self.database.begin_read().expect("a snapshot");
        let rows = transaction.open_table(ROWS).expect("a table");
        let row = rows.get(&*key(id)).expect("an answer").expect("a session");
        assert!(!row.value().to_vec().is_empty());
    }

    async fn write(&self, (id, revision): &mut Self::Held) {
        *revision = self.applied(id, Some(*revision)).await;
    }
}
