//! Damaged, foreign and newer files are refused, and do not change by a byte.

use std::fs;
use std::io::{Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use cloakroom::stores::Disk;
use cloakroom::stores::disk::DiskOptions;
use cloakroom_store::{ErrorKind, Expect, Query, Store, Written};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use crate::fixture::{FILE, create, fill, filled, filling, id, listed, load, record, refused, write};

/// Enough that the file has inner pages.
const SESSIONS: u64 = 2000;

/// The engine's own.
const PAGE: usize = 4096;

/// Holds when a directory whose file holds these bytes is refused and stays as it is.
async fn check(what: &str, bytes: &[u8], kind: ErrorKind) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE);
    fs::write(&file, bytes).unwrap();
    for _ in 0..2 {
        let text = refused(directory.path(), kind, &file).await;
        assert!(
            ["move it away", "backup", "release"]
                .iter()
                .any(|advice| text.contains(advice)),
            "{what}: {text:?} says what to do"
        );
        assert!(fs::read(&file).unwrap() == bytes, "{what}: the file has changed");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "{what}");
    }
}

/// The bytes of a store after it was closed, and as a crash would have left them.
async fn closed_and_crashed() -> (Vec<u8>, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    fill(&store, SESSIONS).await;
    // Damage to the very last commit looks like one that the crash cut short, and the engine goes back by one.
    create(&store, id(u64::MAX), record("the last commit")).await;
    let file = directory.path().join(FILE);
    let crashed = fs::read(&file).unwrap();
    store.close().await.unwrap();
    (fs::read(&file).unwrap(), crashed)
}

fn noise(length: usize) -> Vec<u8> {
    let mut word: u64 = 0x9e37_79b9_7f4a_7c15;
    let next = |_| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()[0]
    };
    (0..length).map(next).collect()
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    check("empty", b"", ErrorKind::Corrupt).await;
    check("text", b"user,session\nalice,1\n", ErrorKind::Corrupt).await;
    for length in [1, 10, 100, 512, 4096, 1_000_000] {
        check("noise", &noise(length), ErrorKind::Corrupt).await;
        check("zeroes", &vec![0; length], ErrorKind::Corrupt).await;
    }
    let mut other = b"SQLite format 3\0".to_vec();
    other.extend(noise(100_000));
    check("a database of another kind", &other, ErrorKind::Corrupt).await;
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    const THEIRS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("theirs");
    const SAME_NAME: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("cloakroom.meta");
    for table in [THEIRS, SAME_NAME] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("other");
        let database = Database::create(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        for n in 0..1000 {
            transaction
                .open_table(table)
                .unwrap()
                .insert(n, &*noise(100))
                .unwrap();
        }
        transaction.commit().unwrap();
        // Opening it would repair it, which is for its owner to do.
        check("crashed", &fs::read(&file).unwrap(), ErrorKind::Corrupt).await;
        drop(database);
        check("closed", &fs::read(&file).unwrap(), ErrorKind::Corrupt).await;
    }
}

#[tokio::test]
async fn a_file_that_was_cut_is_refused() {
    let (closed, crashed) = closed_and_crashed().await;
    for bytes in [closed, crashed] {
        for thousandths in [1, 20, 300, 500, 900, 999] {
            let length = bytes.len() * thousandths / 1000;
            check("cut", &bytes[..length], ErrorKind::Corrupt).await;
        }
        check(
            "without its last byte",
            &bytes[..bytes.len() - 1],
            ErrorKind::Corrupt,
        )
        .await;
    }
}

#[tokio::test]
async fn a_file_with_a_damaged_beginning_is_refused() {
    let (closed, crashed) = closed_and_crashed().await;
    for bytes in [closed, crashed] {
        for length in [8, 64, 4096] {
            let mut damaged = bytes.clone();
            damaged[..length].copy_from_slice(&noise(length));
            check("noise at the beginning", &damaged, ErrorKind::Corrupt).await;
        }
    }
}

#[tokio::test]
async fn a_newer_format_of_the_engine_is_refused() {
    let (closed, crashed) = closed_and_crashed().await;
    for mut bytes in [closed, crashed] {
        // Where redb 4 keeps the version of each of its two commit slots.
        for at in [64, 192] {
            bytes[at] = 9;
        }
        check("a newer engine", &bytes, ErrorKind::NewerFormat).await;
    }
}

#[tokio::test]
async fn a_newer_format_of_ours_is_refused() {
    const META: TableDefinition<'_, &str, u64> = TableDefinition::new("cloakroom.meta");
    for (format, kind) in [
        (2, ErrorKind::NewerFormat),
        (u64::MAX, ErrorKind::NewerFormat),
        (0, ErrorKind::Corrupt),
    ] {
        let directory = tempfile::tempdir().unwrap();
        filled(directory.path(), 10).await;
        let file = directory.path().join(FILE);
        let database = Database::open(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction
            .open_table(META)
            .unwrap()
            .insert("format", format)
            .unwrap();
        transaction.commit().unwrap();
        check("crashed", &fs::read(&file).unwrap(), kind).await;
        drop(database);
        check("closed", &fs::read(&file).unwrap(), kind).await;
    }
}

#[tokio::test]
async fn damage_is_found_when_it_is_opened() {
    let (closed, crashed) = closed_and_crashed().await;
    for bytes in [closed, crashed] {
        is_found(&bytes).await;
    }
}

async fn is_found(bytes: &[u8]) {
    let mut refused = 0;
    for part in parts(bytes) {
        let damaged = damaged(bytes, part);
        let (directory, file) = holding(&damaged);
        // What falls into free space does no harm, and what falls elsewhere is found.
        match Disk::open(directory.path()).await {
            Ok(store) => assert_eq!(whole(&store).await, (SESSIONS, 0), "part {part}"),
            Err(error) => {
                refused += 1;
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                assert!(
                    fs::read(&file).unwrap() == damaged,
                    "part {part}: the file has changed"
                );
            }
        }
    }
    assert!(refused > 0, "no damage was where anything is");
}

#[tokio::test]
async fn damage_that_shows_later_is_an_error_and_stops_all_writing() {
    let (closed, _) = closed_and_crashed().await;
    let mut shown = 0;
    for part in parts(&closed) {
        let (directory, file, store) = damaged_while_open(&closed, part).await;
        let (_, lost) = whole(&store).await;
        if lost == 0 {
            continue;
        }
        shown += 1;
        let before = fs::read(&file).unwrap();
        for n in 0..50 {
            let error = write(&store, id(SESSIONS + n), Expect::Absent, record("new")).await;
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        }
        assert_eq!(store.ping().await.unwrap_err().kind(), ErrorKind::Corrupt);
        drop(store);
        assert!(
            fs::read(&file).unwrap() == before,
            "part {part}: written to after damage"
        );
        refused(directory.path(), ErrorKind::Corrupt, &file).await;
    }
    assert!(shown > 0, "no damage was where anything is");
}

/// The writer meets the damage before any reader does.
#[tokio::test]
async fn a_write_onto_damage_is_an_error_and_the_store_goes_on_answering() {
    let (closed, _) = closed_and_crashed().await;
    let mut met = 0;
    for part in parts(&closed) {
        let (_directory, _, store) = damaged_while_open(&closed, part).await;
        for n in 0..SESSIONS {
            match write(&store, id(n), Expect::Absent, record("taken")).await {
                Ok(refused) => assert_eq!(refused, Written::Refused),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                    met += 1;
                    break;
                }
            }
        }
        // It still answers, right or with an error.
        whole(&store).await;
    }
    assert!(met > 0, "no damage was where anything is");
}

/// A store that keeps nothing in memory, with noise in this page since it was opened.
async fn damaged_while_open(bytes: &[u8], page: usize) -> (TempDir, PathBuf, Disk) {
    let (directory, path) = holding(bytes);
    let store = DiskOptions::default()
        .cache(0)
        .open(directory.path())
        .await
        .unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start((page * PAGE) as u64)).unwrap();
    file.write_all(&noise(PAGE)).unwrap();
    (directory, path, store)
}

#[tokio::test]
async fn what_is_whole_is_opened_after_a_crash() {
    let (_, crashed) = closed_and_crashed().await;
    let (directory, _) = holding(&crashed);
    let store = Disk::open(directory.path()).await.unwrap();
    assert_eq!(whole(&store).await, (SESSIONS, 0));
    assert_eq!(listed(&store, Query::default()).await.len() as u64, SESSIONS + 1);
}

/// Two dozen pages that something was written to, throughout the file.
fn parts(bytes: &[u8]) -> Vec<usize> {
    let written = |page: &usize| bytes[page * PAGE..][..PAGE].iter().any(|byte| *byte != 0);
    let pages: Vec<_> = (1..bytes.len() / PAGE).filter(written).collect();
    pages.iter().copied().step_by(pages.len() / 24).collect()
}

/// The same with noise in this page.
fn damaged(bytes: &[u8], page: usize) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    damaged[page * PAGE..][..PAGE].copy_from_slice(&noise(PAGE));
    damaged
}

fn holding(bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = Path::new(directory.path()).join(FILE);
    fs::write(&file, bytes).unwrap();
    (directory, file)
}

/// How many sessions are right, and how many cannot be read. None is missing or wrong.
async fn whole(store: &Disk) -> (u64, u64) {
    let (mut right, mut lost) = (0, 0);
    for n in 0..SESSIONS {
        match load(store, id(n)).await {
            Ok(found) => {
                assert_eq!(found.map(|found| found.record), Some(filling(n)), "session {n}");
                right += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                lost += 1;
            }
        }
    }
    (right, lost)
}
