//! Sessions to keep, and the verbs in few words.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloakroom::stores::Sqlite;
use cloakroom::stores::sqlite::SqliteOptions;
use cloakroom_store::{
    Error, ErrorKind, Expect, Id, Label, List, Load, Namespace, Principal, Query, Record, Revision, Store,
    Stored, Timestamp, Write, Written,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// A directory for a test, and the file in it.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sessions.db");
    (directory, file)
}

/// What the tests that are not about time open a store with, for they share a busy machine.
pub(crate) fn patient() -> SqliteOptions {
    let patience = Duration::from_secs(30);
    SqliteOptions::default()
        .wait_timeout(patience)
        .operation_timeout(patience)
}

/// A connection of somebody else, as the program `sqlite3` has it.
pub(crate) fn neighbour(file: &Path) -> Connection {
    Connection::open(file).unwrap()
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("app/__Host-session").unwrap()
}

pub(crate) fn id(n: u64) -> Id {
    let mut bytes = [0; Id::LEN];
    bytes[..8].copy_from_slice(
        &n.wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

pub(crate) fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000).saturating_add(Duration::from_secs(seconds))
}

pub(crate) fn principal(who: &str) -> Principal {
    Principal::new(who).unwrap()
}

/// A session of nobody that expires after an hour.
pub(crate) fn record(body: impl AsRef<[u8]>) -> Record {
    Record::new(moment(0), moment(3600), body.as_ref())
}

/// A session with everything that can be kept.
pub(crate) fn record_of(who: &str, body: impl AsRef<[u8]>) -> Record {
    record(body)
        .with_principal(Some(principal(who)))
        .with_label(Some(Label::new("Firefox on Linux")))
        .with_last_seen(moment(60))
}

pub(crate) async fn write(store: &Sqlite, id: Id, expect: Expect, record: Record) -> Result<Written, Error> {
    store.write(Write::new(namespace(), id, expect, record)).await
}

/// Writes a session that must not be there yet.
pub(crate) async fn create(store: &Sqlite, id: Id, record: Record) -> Revision {
    applied(write(store, id, Expect::Absent, record).await.unwrap())
}

/// Has the store carry out two writes in one transaction: they arrive while a third is kept waiting.
pub(crate) async fn write_together(
    store: &Sqlite,
    file: &Path,
    writes: [(Id, Record); 2],
) -> [Result<Written, Error>; 2] {
    let other = neighbour(file);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let [one, two] = writes.map(|(id, record)| write(store, id, Expect::Absent, record));
    let release = async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        other.execute_batch("COMMIT").unwrap();
    };
    let (first, one, two, ()) = tokio::join!(store.ping(), one, two, release);
    first.unwrap();
    [one, two]
}

pub(crate) async fn load(store: &Sqlite, id: Id) -> Result<Option<Stored>, Error> {
    store.load(Load::new(namespace(), id)).await
}

pub(crate) async fn listed(store: &Sqlite, query: Query) -> Vec<Id> {
    let mut ids = Vec::new();
    let mut list = List::new(namespace(), query, NonZeroUsize::MIN.saturating_add(99));
    loop {
        let page = store.list(list.clone()).await.unwrap();
        ids.extend(page.entries.into_iter().map(|entry| entry.id));
        if page.next.is_none() {
            ids.sort();
            return ids;
        }
        list = list.after(page.next);
    }
}

pub(crate) fn applied(written: Written) -> Revision {
    match written {
        Written::Applied { revision, .. } => revision,
        other => panic!("expected it to be applied, found {other:?}"),
    }
}

/// Fills a store with this many sessions.
pub(crate) async fn fill(store: &Sqlite, sessions: u64) {
    let mut writing = tokio::task::JoinSet::new();
    for n in 0..sessions {
        let store = store.clone();
        writing.spawn(async move { create(&store, id(n), filling(n)).await });
    }
    writing.join_all().await;
}

/// What [`fill`] wrote.
pub(crate) fn filling(n: u64) -> Record {
    record_of(&format!("user {}", n % 10), n.to_be_bytes().repeat(50))
}

/// Why a file was refused: of this kind, and in words that name it.
pub(crate) async fn refused(file: &Path, kind: ErrorKind) -> String {
    refused_with(SqliteOptions::default(), file, kind).await
}

/// Why a file was refused when it was opened with these options.
pub(crate) async fn refused_with(options: SqliteOptions, file: &Path, kind: ErrorKind) -> String {
    let error = options.open(file).await.expect_err("it is refused");
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(text.contains(file.to_str().unwrap()), "{text:?} names {file:?}");
    text
}
