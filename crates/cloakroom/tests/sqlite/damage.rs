//! What is no database, or a damaged one, is said to be so.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use cloakroom::stores::Sqlite;
use cloakroom_store::{ErrorKind, Store};

use crate::fixture::{
    applied, create, fill, filling, id, load, neighbour, patient, place, record, refused, write_together,
};

#[tokio::test]
async fn what_is_no_database_is_refused_untouched() {
    for bytes in [
        b"".to_vec(),
        b"user,session\nalice,1\n".to_vec(),
        vec![0; 4096],
        vec![0x5a; 100_000],
    ] {
        let (_directory, file) = place();
        fs::write(&file, &bytes).unwrap();
        for _ in 0..2 {
            let text = refused(&file, ErrorKind::Corrupt).await;
            assert!(text.contains("another file"), "{text}");
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
    }
}

#[tokio::test]
async fn a_file_that_was_cut_answers_that_it_is_damaged() {
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    fill(&store, 500).await;
    store.close().await.unwrap();
    let length = fs::metadata(&file).unwrap().len();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(length / 2 / 4096 * 4096)
        .unwrap();
    let mut damaged = 0;
    match patient().open(&file).await {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
        Ok(store) => {
            for n in 0..500 {
                damaged += u64::from(is_whole_or_damaged(&store, n).await);
            }
            assert!(damaged > 0);
        }
    }
}

#[tokio::test]
async fn a_damaged_page_answers_that_it_is_and_the_others_go_on() {
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    fill(&store, 2000).await;
    store.close().await.unwrap();
    let page = leaf_of_sessions(&file);
    overwrite(&file, (page - 1) * 4096);
    let store = patient().open(&file).await.unwrap();
    let mut damaged = Vec::new();
    for n in 0..2000 {
        if is_whole_or_damaged(&store, n).await {
            damaged.push(n);
        }
    }
    assert!((1..500).contains(&damaged.len()), "{} sessions", damaged.len());
    // A write that comes upon it is refused, and takes none of its neighbours along.
    let over_it = (id(damaged[0]), record("over it"));
    let beside_it = (id(1_000_000), record("sound"));
    let [broken, sound] = write_together(&store, &file, [over_it, beside_it]).await;
    let sound = applied(sound.unwrap());
    let error = broken.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("backup"), "{error}");
    let found = load(&store, id(1_000_000)).await.unwrap().unwrap();
    assert_eq!((found.revision, found.record), (sound, record("sound")));
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_session_without_its_data_is_damaged_and_not_missing() {
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    create(&store, id(1), record("kept")).await;
    neighbour(&file)
        .execute("DELETE FROM cloakroom_bodies", [])
        .unwrap();
    assert_eq!(load(&store, id(1)).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// Whether a session answers that it is damaged. Otherwise it is whole: never missing, never half of itself.
async fn is_whole_or_damaged(store: &Sqlite, n: u64) -> bool {
    match load(store, id(n)).await {
        Ok(found) => {
            assert_eq!(found.map(|found| found.record), Some(filling(n)), "session {n}");
            false
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            true
        }
    }
}

/// The number of a page that holds sessions.
fn leaf_of_sessions(file: &Path) -> u64 {
    let root: u64 = neighbour(file)
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'cloakroom_sessions'",
            [],
            |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
        )
        .unwrap();
    let mut file = fs::File::open(file).unwrap();
    let (mut number, mut page) = (root, [0; 4096]);
    loop {
        file.seek(SeekFrom::Start((number - 1) * 4096)).unwrap();
        file.read_exact(&mut page).unwrap();
        match page[0] {
            // An inner page: on to its last child, which its head names.
            2 => number = u64::from(u32::from_be_bytes(*page[8..].first_chunk().unwrap())),
            10 => return number,
            other => panic!("page {number} is of kind {other}"),
        }
    }
}

fn overwrite(file: &Path, at: u64) {
    let mut file = fs::File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[0x5a; 4096]).unwrap();
}
