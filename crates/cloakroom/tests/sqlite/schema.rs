//! The schema: who makes it, which versions are taken, and what is refused untouched.

use std::fs;

use cloakroom::stores::Sqlite;
use cloakroom::stores::sqlite::{Migrate, SqliteOptions};
use cloakroom_store::{AddOne, Counted, Counter, Counters as _, ErrorKind, Store, Timestamp};

use crate::fixture::{create, id, load, namespace, neighbour, patient, place, record, refused, refused_with};

fn never() -> SqliteOptions {
    patient().migrate(Migrate::Never)
}

#[tokio::test]
async fn a_store_that_may_not_migrate_says_how_to() {
    let (_directory, file) = place();
    let text = refused_with(never(), &file, ErrorKind::Misconfigured).await;
    assert!(text.contains("run migrate()"), "{text}");
    assert!(!file.exists());
    for _ in 0..2 {
        Sqlite::migrate(&file).await.unwrap();
    }
    never().open(&file).await.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn the_printed_schema_makes_the_same_tables() {
    let [(_one, printed), (_other, made)] = [place(), place()];
    neighbour(&printed).execute_batch(&Sqlite::schema_sql()).unwrap();
    Sqlite::migrate(&made).await.unwrap();
    let tables = |file| {
        let database = neighbour(file);
        let sql = "SELECT group_concat(sql, ';' ORDER BY name) FROM sqlite_schema";
        database
            .query_row(sql, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    assert_eq!(tables(&printed), tables(&made));
    let store = never().open(&printed).await.unwrap();
    create(&store, id(1), record("kept")).await;
}

/// Version 0 is a file that is ours and has no tables yet.
#[tokio::test]
async fn an_older_schema_becomes_this_releases() {
    let (_directory, file) = place();
    Sqlite::migrate(&file).await.unwrap();
    neighbour(&file)
        .execute_batch(
            "DROP TABLE cloakroom_sessions; DROP TABLE cloakroom_bodies; DROP TABLE cloakroom_marks;
             DROP TABLE cloakroom_mark_numbers; DROP TABLE cloakroom_counters; PRAGMA user_version = 0",
        )
        .unwrap();
    let text = refused_with(never(), &file, ErrorKind::Misconfigured).await;
    assert!(
        text.contains("older release") && text.contains("run migrate()"),
        "{text}"
    );
    let seen = text.replace(&file.display().to_string(), "sessions.db");
    cloakroom_testbed::note(
        "tables of an older release, `migrate=never`",
        "SQLite",
        &format!("\"{seen}\""),
    );
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let file = file.clone();
        opening.spawn(async move { patient().open(file).await });
    }
    let stores = opening.join_all().await;
    let store = stores[0].as_ref().unwrap();
    create(store, id(1), record("kept")).await;
    for store in stores {
        assert!(load(&store.unwrap(), id(1)).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_release_before_are_kept_and_added_to() {
    for by_hand in [false, true] {
        are_kept_and_added_to(by_hand).await;
    }
}

/// Version 2 has the counters.
async fn are_kept_and_added_to(by_hand: bool) {
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    create(&store, id(1), record("kept")).await;
    store.close().await.unwrap();
    neighbour(&file)
        .execute_batch("DROP TABLE cloakroom_counters; PRAGMA user_version = 1")
        .unwrap();
    let text = refused_with(never(), &file, ErrorKind::Misconfigured).await;
    assert!(text.contains("schema_sql_since(1)"), "{text}");
    let options = if by_hand {
        let printed = Sqlite::schema_sql_since(1);
        neighbour(&file).execute_batch(&printed).unwrap();
        never()
    } else {
        patient()
    };
    let store = options.open(&file).await.unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_some());
    let counted = Counter::new(namespace(), Counted::from_bytes([1; 16]), Timestamp::MAX);
    assert_eq!(store.add(AddOne::new(counted)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_newer_schema_is_refused_untouched() {
    let (_directory, file) = place();
    Sqlite::migrate(&file).await.unwrap();
    neighbour(&file).pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&file).unwrap();
    let text = refused(&file, ErrorKind::NewerFormat).await;
    assert!(text.contains("99"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_another_application_is_refused_untouched() {
    for mode in ["delete", "wal"] {
        let (_directory, file) = place();
        let theirs =
            format!("PRAGMA journal_mode = {mode}; CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
        neighbour(&file).execute_batch(&theirs).unwrap();
        let before = fs::read(&file).unwrap();
        for _ in 0..2 {
            let text = refused(&file, ErrorKind::Corrupt).await;
            assert!(text.contains("another application"), "{text}");
            assert_eq!(fs::read(&file).unwrap(), before);
        }
    }
}
