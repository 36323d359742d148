//! The directory and the file: private, in one process at a time, and still there the next time.

use std::fs;
use std::path::Path;

use cloakroom::stores::Disk;
use cloakroom::stores::disk::DiskOptions;
use cloakroom_store::{
    Delete, Deleted, ErrorKind, Expect, Owner, Query, Store, Stored, Sweep, Swept, Touch, Touched, Written,
};

use crate::child;
use crate::fixture::{
    FILE, applied, create, fill, filled, filling, id, listed, load, moment, namespace, principal, record,
    record_of, refused, write,
};

#[tokio::test]
async fn what_was_kept_is_there_the_next_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let kept = create(&store, id(1), record_of("alice", "kept")).await;
    let ended = create(&store, id(2), record_of("alice", "ended")).await;
    let touched = create(&store, id(3), record("touched")).await;
    let delete = Delete::new(namespace(), id(2), Owner::Any);
    assert_eq!(store.delete(delete).await.unwrap(), Deleted::Ended);
    let touch = Touch::new(namespace(), id(3), touched, moment(100), moment(7200));
    assert_eq!(store.touch(touch).await.unwrap(), Touched::Applied(touched));
    drop(store);

    let store = DiskOptions::default()
        .cache(1 << 20)
        .open(directory.path())
        .await
        .unwrap();
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

    // An id that is used again never has a revision it had, nor one that anybody had.
    let again = create(&store, id(2), record("again")).await;
    assert!(![kept, ended, touched].contains(&again));
    let stale = write(&store, id(2), Expect::Revision(ended), record("stale")).await;
    assert_eq!(stale.unwrap(), Written::Refused);

    // The index of expiries is there as well, and knows what was touched.
    let sweep = |at| Sweep::new(namespace(), at, std::num::NonZeroUsize::MAX);
    assert_eq!(
        store.sweep(sweep(moment(3601))).await.unwrap(),
        Swept::new(2, false)
    );
    assert_eq!(
        store.sweep(sweep(moment(7200))).await.unwrap(),
        Swept::new(0, false)
    );
    assert_eq!(
        store.sweep(sweep(moment(7201))).await.unwrap(),
        Swept::new(1, false)
    );
    assert_eq!(listed(&store, Query::default()).await, []);
}

#[tokio::test]
async fn a_closed_store_answers_errors_and_lets_the_next_one_in() {
    let directory = tempfile::tempdir().unwrap();
    let store = Disk::open(directory.path()).await.unwrap();
    let revision = create(&store, id(1), record("kept")).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    let next = Disk::open(directory.path()).await.unwrap();
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
    assert_eq!(load(&next, id(1)).await.unwrap().unwrap().revision, revision);
    next.ping().await.unwrap();
}

#[tokio::test]
async fn a_second_one_is_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let store = Disk::open(directory.path()).await.unwrap();
    create(&store, id(1), record("kept")).await;

    let text = refused(directory.path(), ErrorKind::Unavailable, &path).await;
    assert!(text.contains("open already"), "{text}");
    let output = child::command("open", directory.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("refused: Unavailable"), "{said}");
    assert!(said.contains(path.to_str().unwrap()), "{said}");

    // Nobody was disturbed, and when the first has gone the second may.
    create(&store, id(2), record("kept")).await;
    drop(store);
    let output = child::command("open", directory.path()).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("opened"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_make_it_at_once_one_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("new");
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let place = place.clone();
        opening.spawn(async move { Disk::open(place).await });
    }
    let opened: Vec<_> = opening.join_all().await;
    assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1);
    for error in opened.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(names(&place), [FILE]);
}

#[tokio::test]
async fn a_store_that_was_never_finished_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = directory.path().join("sessions.redb.new");
    for left in [&b""[..], b"half of a file"] {
        fs::write(&unfinished, left).unwrap();
        filled(directory.path(), 3).await;
        assert_eq!(names(directory.path()), [FILE]);
        fs::remove_file(directory.path().join(FILE)).unwrap();
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_a_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "mine").unwrap();
    refused(&file, ErrorKind::Unavailable, &file).await;
    let below = file.join("below");
    refused(&below, ErrorKind::Unavailable, &below).await;
    assert_eq!(fs::read(&file).unwrap(), b"mine");
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
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("deep").join("down");
        let store = Disk::open(&place).await.unwrap();
        fill(&store, 100).await;
        assert_eq!(mode(&place), 0o700);
        assert_eq!(mode(&place.join(FILE)), 0o600);
        assert_eq!(mode(place.parent().unwrap()), 0o700);
    }

    #[tokio::test]
    async fn an_empty_directory_becomes_private() {
        let directory = tempfile::tempdir().unwrap();
        for before in [0o755, 0o777, 0o1777, 0o770] {
            let place = directory.path().join(before.to_string());
            fs::create_dir(&place).unwrap();
            set_mode(&place, before);
            filled(&place, 1).await;
            assert_eq!((mode(&place), mode(&place.join(FILE))), (0o700, 0o600));
        }
    }

    #[tokio::test]
    async fn a_directory_with_other_things_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("other"), "mine").unwrap();
        for before in [0o755, 0o750, 0o770] {
            set_mode(directory.path(), before);
            filled(directory.path(), 1).await;
            let file = directory.path().join(FILE);
            assert_eq!((mode(directory.path()), mode(&file)), (before, 0o600));
            fs::remove_file(&file).unwrap();
        }
        for before in [0o777, 0o1777] {
            set_mode(directory.path(), before);
            let text = refused(directory.path(), ErrorKind::Unavailable, directory.path()).await;
            assert!(text.contains("chmod 700"), "{text}");
            assert_eq!(names(directory.path()), ["other"]);
        }
    }

    #[tokio::test]
    async fn a_file_that_others_could_read_becomes_private() {
        let directory = tempfile::tempdir().unwrap();
        filled(directory.path(), 10).await;
        let file = directory.path().join(FILE);
        set_mode(&file, 0o644);
        let store = Disk::open(directory.path()).await.unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(load(&store, id(3)).await.unwrap().unwrap().record, filling(3));
    }

    #[tokio::test]
    async fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (real, linked) = (directory.path().join("real"), directory.path().join("linked"));
        filled(&real, 10).await;
        let before = fs::read(real.join(FILE)).unwrap();
        fs::create_dir(&linked).unwrap();
        symlink(real.join(FILE), linked.join(FILE)).unwrap();
        refused(&linked, ErrorKind::Corrupt, &linked.join(FILE)).await;
        // Nor is a link in the place where a new file is made.
        let (planted, target) = (directory.path().join("planted"), directory.path().join("target"));
        fs::create_dir(&planted).unwrap();
        fs::write(&target, "mine").unwrap();
        symlink(&target, planted.join("sessions.redb.new")).unwrap();
        refused(&planted, ErrorKind::Corrupt, &planted.join("sessions.redb.new")).await;
        assert_eq!(fs::read(&target).unwrap(), b"mine");
        // Also not to a file that is not there yet.
        fs::remove_file(&target).unwrap();
        refused(&planted, ErrorKind::Corrupt, &planted.join("sessions.redb.new")).await;
        assert!(!target.exists());
        assert_eq!(fs::read(real.join(FILE)).unwrap(), before);
        // A link to the directory is the operator's own way to say where it is.
        let store = {
            symlink(&real, directory.path().join("way")).unwrap();
            Disk::open(directory.path().join("way")).await.unwrap()
        };
        let seen = load(&store, id(1)).await.unwrap().unwrap();
        applied(
            write(&store, id(1), Expect::Revision(seen.revision), record("on"))
                .await
                .unwrap(),
        );
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
