//! The file and its directory: private, made once, and noticed when it is taken away.

use std::fs;
use std::path::Path;

use cloakroom::stores::Sqlite;
use cloakroom_store::{
    Delete, Deleted, ErrorKind, Expect, Owner, Query, Store, Stored, Sweep, Swept, Touch, Touched, Written,
};

use crate::child;
use crate::fixture::{
    applied, create, fill, id, listed, load, moment, namespace, neighbour, patient, place, principal, record,
    record_of, refused, write,
};

#[tokio::test]
async fn what_was_kept_is_there_the_next_time() {
    let (directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    let kept = create(&store, id(1), record_of("alice", "kept")).await;
    let ended = create(&store, id(2), record_of("alice", "ended")).await;
    let touched = create(&store, id(3), record("touched")).await;
    let delete = Delete::new(namespace(), id(2), Owner::Any);
    assert_eq!(store.delete(delete).await.unwrap(), Deleted::Ended);
    let touch = Touch::new(namespace(), id(3), touched, moment(100), moment(7200));
    assert_eq!(store.touch(touch).await.unwrap(), Touched::Applied(touched));
    drop(store);
    // Closed in good order, everything is in the one file.
    assert_eq!(names(directory.path()), ["sessions.db"]);

    let store = patient().open(&file).await.unwrap();
    let found = load(&store, id(1)).await.unwrap();
    assert_eq!(found, Some(Stored::new(kept, record_of("alice", "kept"))));
    assert_eq!(load(&store, id(2)).await.unwrap(), None);
    let found = load(&store, id(3)).await.unwrap().unwrap();
    assert_eq!(
        (found.record.last_seen, found.record.expires),
        (moment(100), moment(7200))
    );
    assert_eq!(
        listed(&store, Query::default().principal(principal("alice"))).await,
        [id(1)]
    );
    let stale = write(&store, id(2), Expect::Revision(ended), record("stale")).await;
    assert_eq!(stale.unwrap(), Written::Refused);
    let sweep = |at| Sweep::new(namespace(), at, std::num::NonZeroUsize::MAX);
    assert_eq!(
        store.sweep(sweep(moment(3601))).await.unwrap(),
        Swept::new(1, false)
    );
    assert_eq!(
        store.sweep(sweep(moment(7201))).await.unwrap(),
        Swept::new(1, false)
    );
    let left: i64 = neighbour(&file)
        .query_row("SELECT count(*) FROM cloakroom_bodies", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0, "data goes with its session");
}

#[tokio::test]
async fn a_touch_does_not_write_the_data() {
    let (directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    let revision = create(&store, id(1), record(vec![7; Sqlite::MAX_BODY])).await;
    let log = || {
        let log = directory.path().join("sessions.db-wal");
        fs::metadata(log).unwrap().len()
    };
    let before = log();
    assert!(before > Sqlite::MAX_BODY as u64);
    let touch = Touch::new(namespace(), id(1), revision, moment(100), moment(7200));
    assert_eq!(store.touch(touch).await.unwrap(), Touched::Applied(revision));
    assert!(
        (1..=4 * 4200).contains(&(log() - before)),
        "{} bytes",
        log() - before
    );
}

#[tokio::test]
async fn a_closed_store_answers_errors() {
    let (_directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    create(&store, id(1), record("kept")).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    for error in [
        load(&store, id(1)).await.unwrap_err(),
        write(&store, id(2), Expect::Absent, record("late"))
            .await
            .unwrap_err(),
        store.ping().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("has been closed"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_make_one_store() {
    for _ in 0..3 {
        let (directory, file) = place();
        let opening: Vec<_> = (0..10)
            .map(|_| child::command("open", &file).spawn().unwrap())
            .collect();
        let store = patient().open(&file).await.unwrap();
        create(&store, id(1), record("kept")).await;
        for mut process in opening {
            assert!(process.wait().unwrap().success());
        }
        assert_eq!(load(&store, id(1)).await.unwrap().unwrap().record, record("kept"));
        store.close().await.unwrap();
        assert_eq!(names(directory.path()), ["sessions.db"]);
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_named() {
    let (directory, file) = place();
    let text = refused(
        &directory.path().join("missing/sessions.db"),
        ErrorKind::Misconfigured,
    )
    .await;
    assert!(text.contains("make it"), "{text}");
    let below = directory.path().join("directory");
    fs::create_dir(&below).unwrap();
    refused(&below, ErrorKind::Corrupt).await;
    fs::write(&file, "mine").unwrap();
    refused(&file.join("below"), ErrorKind::Misconfigured).await;
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn a_file_that_was_removed_is_noticed_and_may_come_back() {
    let (directory, file) = place();
    let store = patient().open(&file).await.unwrap();
    create(&store, id(1), record("kept")).await;
    let aside = directory.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    for replaced in [false, true] {
        if replaced {
            fs::write(&file, "another").unwrap();
        }
        for error in [
            load(&store, id(1)).await.unwrap_err(),
            write(&store, id(2), Expect::Absent, record("late"))
                .await
                .unwrap_err(),
            store.ping().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains("put it back"), "{error}");
        }
    }
    fs::rename(&aside, &file).unwrap();
    store.ping().await.unwrap();
    let seen = load(&store, id(1)).await.unwrap().unwrap();
    applied(
        write(&store, id(1), Expect::Revision(seen.revision), record("on"))
            .await
            .unwrap(),
    );
}

#[cfg(unix)]
mod modes {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn what_it_makes_is_private() {
        let (directory, file) = place();
        set_mode(directory.path(), 0o755);
        let store = patient().open(&file).await.unwrap();
        fill(&store, 100).await;
        for name in ["sessions.db", "sessions.db-shm", "sessions.db-wal"] {
            assert_eq!(mode(&directory.path().join(name)), 0o600, "{name}");
        }
        assert_eq!(mode(directory.path()), 0o755);
    }

    #[tokio::test]
    async fn a_file_that_others_could_read_becomes_private() {
        let (_directory, file) = place();
        Sqlite::migrate(&file).await.unwrap();
        set_mode(&file, 0o644);
        drop(patient().open(&file).await.unwrap());
        assert_eq!(mode(&file), 0o600);
    }

    #[tokio::test]
    async fn a_directory_that_everybody_may_write_to_is_refused() {
        let (directory, file) = place();
        for open in [0o777, 0o1777] {
            set_mode(directory.path(), open);
            let text = refused(&file, ErrorKind::Unavailable).await;
            assert!(text.contains("chmod"), "{text}");
        }
        assert_eq!(names(directory.path()), <[&str; 0]>::default());
    }

    #[tokio::test]
    async fn a_link_is_not_followed_but_one_to_the_directory_is() {
        let (directory, file) = place();
        drop(patient().open(&file).await.unwrap());
        let link = directory.path().join("link.db");
        symlink(&file, &link).unwrap();
        refused(&link, ErrorKind::Corrupt).await;
        let way = tempfile::tempdir().unwrap();
        symlink(directory.path(), way.path().join("way")).unwrap();
        let store = patient().open(way.path().join("way/sessions.db")).await.unwrap();
        create(&store, id(1), record("kept")).await;
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
