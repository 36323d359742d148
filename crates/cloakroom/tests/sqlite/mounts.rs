//! A disk that is full, and one that is read-only: small file systems that only a child process sees.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use cloakroom_store::{Delete, Deleted, ErrorKind, Expect, Owner, Query, Store};

use crate::child;
use crate::fixture::{
    applied, create, id, listed, load, namespace, patient, record, record_of, write, write_together,
};

/// Runs a child in a mount namespace of its own, where a small disk is mounted; nothing is left of it afterwards.
fn on_small_disk(task: &str) {
    let directory = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=4m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    let place = directory.path().to_str().unwrap();
    let through = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, place];
    let output = child::command_through(&through, task, &directory.path().join("sessions.db"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("shown"),
        "{said}\n{told}"
    );
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_is_got_over() {
    on_small_disk("fill");
}

#[test]
fn what_needs_no_more_room_goes_on_when_there_is_little() {
    on_small_disk("rewrite");
}

#[test]
fn a_read_only_disk_is_said_and_got_over() {
    on_small_disk("read-only");
}

pub(crate) async fn fill_what_there_is(file: &Path) {
    let ballast = file.with_file_name("ballast");
    std::fs::write(&ballast, vec![1; 1_000_000]).unwrap();
    let store = patient().open(file).await.unwrap();
    let mut written = 0;
    let error = loop {
        match write(&store, id(written), Expect::Absent, record_of("alice", large())).await {
            Ok(answer) => drop(applied(answer)),
            Err(error) => break error,
        }
        written += 1;
    };
    assert!(written > 3, "{written}");
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.to_string().contains("sessions.db"), "{error}");
    let seen = error
        .to_string()
        .replace(&file.display().to_string(), "sessions.db");
    cloakroom_testbed::note(
        "no room left on the server",
        "SQLite",
        &format!("writes: \"{seen}\"; reads go on"),
    );
    // It fails again and again, and each time is as good as the first.
    for n in 0..5 {
        let again = write(&store, id(written + n), Expect::Absent, record_of("bob", large())).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Full);
        assert!(load(&store, id(written + n)).await.unwrap().is_none());
        assert!(load(&store, id(0)).await.unwrap().is_some());
    }
    // Of two in one transaction the one that has room is done: for a few pages there is some now.
    let shrunk = std::fs::File::options().write(true).open(&ballast).unwrap();
    shrunk.set_len(1_000_000 - 48 * 1024).unwrap();
    drop(shrunk);
    let together = [(id(500), record(large())), (id(501), record("small"))];
    let [large_one, small_one] = write_together(&store, file, together).await;
    assert_eq!(large_one.unwrap_err().kind(), ErrorKind::Full);
    applied(small_one.unwrap());
    std::fs::remove_file(ballast).unwrap();
    create(&store, id(1000), record_of("alice", large())).await;
    store.close().await.unwrap();
    let store = patient().open(file).await.unwrap();
    for n in 1..written {
        let found = load(&store, id(n)).await.unwrap();
        assert_eq!(found.unwrap().record, record_of("alice", large()), "session {n}");
    }
    assert!(listed(&store, Query::default()).await.contains(&id(1000)));
    println!("shown: {written} sessions");
}

/// The log would need more room than there is, if it were not brought into the file.
pub(crate) async fn rewrite_in_little_room(file: &Path) {
    let store = patient().open(file).await.unwrap();
    let mut revision = create(&store, id(0), record(large())).await;
    store.close().await.unwrap();
    let mut ballast = std::fs::File::create(file.with_file_name("ballast")).unwrap();
    while ballast.write_all(&[1; 4096]).is_ok() {}
    ballast
        .set_len(ballast.metadata().unwrap().len() - 500_000)
        .unwrap();

    let store = patient().open(file).await.unwrap();
    for n in 0..20 {
        let rewritten = record([n; 200_000]);
        let answer = write(&store, id(0), Expect::Revision(revision), rewritten).await;
        revision = applied(answer.unwrap());
    }
    let delete = Delete::new(namespace(), id(0), Owner::Any);
    assert_eq!(store.delete(delete).await.unwrap(), Deleted::Ended);
    println!("shown");
}

pub(crate) async fn use_what_cannot_be_written(file: &Path) {
    let store = patient().open(file).await.unwrap();
    let revision = create(&store, id(1), record("kept")).await;
    store.close().await.unwrap();
    remount(file, "ro");
    let error = patient().open(file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("read-only"), "{error}");
    let seen = error
        .to_string()
        .replace(&file.display().to_string(), "sessions.db");
    cloakroom_testbed::note(
        "the server only reads: a replica, or told to",
        "SQLite",
        &format!("on a read-only disk, at opening: \"{seen}\""),
    );
    let missing = patient().open(file.with_file_name("other.db")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Unavailable, "{missing}");
    remount(file, "rw");
    let store = patient().open(file).await.unwrap();
    applied(
        write(&store, id(1), Expect::Revision(revision), record("on"))
            .await
            .unwrap(),
    );
    println!("shown");
}

fn remount(file: &Path, how: &str) {
    let directory = file.parent().unwrap();
    let mounted = Command::new("mount")
        .args(["-o", &format!("remount,{how}")])
        .arg(directory)
        .status();
    assert!(mounted.unwrap().success());
}

fn large() -> Vec<u8> {
    vec![7; 200_000]
}
