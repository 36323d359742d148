//! A full disk: writes are refused, nothing is half written, and the store goes on when there is room.

use std::path::Path;

use cloakroom::stores::Disk;
use cloakroom_store::{ErrorKind, Expect, Query};

use crate::fixture::{applied, id, listed, load, record, record_of, write};

/// A limit on the size of files stands in for the size of the disk: writing past it fails.
#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    use crate::child;

    let directory = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes. The signal that comes with the limit is ignored, so that it is an error.
    let output = child::command_after("trap '' XFSZ; ulimit -f 20000", "fill", directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}\n{told}");
    let written = said
        .split("written: ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let written: u64 = written.unwrap().parse().unwrap();
    assert!(written > 3, "{said}");

    let store = Disk::open(directory.path()).await.unwrap();
    for n in 0..written {
        let found = load(&store, id(n)).await.unwrap();
        assert_eq!(found.unwrap().record, record_of("alice", large()), "session {n}");
    }
    let small = load(&store, id(1_000_000)).await.unwrap();
    assert_eq!(small.unwrap().record, record("still fits"));
    assert_eq!(listed(&store, Query::default()).await.len() as u64, written + 1);
}

/// Runs where files cannot grow beyond a few megabytes.
pub(crate) async fn fill_what_there_is(directory: &Path) {
    let store = Disk::open(directory).await.unwrap();
    let mut written = 0;
    let error = loop {
        match write(&store, id(written), Expect::Absent, record_of("alice", large())).await {
            Ok(answer) => drop(applied(answer)),
            Err(error) => break error,
        }
        written += 1;
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.to_string().contains("sessions.redb"), "{error}");
    let seen = error
        .to_string()
        .replace(&directory.display().to_string(), "sessions");
    cloakroom_testbed::note(
        "no room left on the server",
        "disk",
        &format!("writes: \"{seen}\"; reads go on, and what fits"),
    );
    // It fails again and again, and each time is as good as the first.
    for n in 0..5 {
        let again = write(&store, id(written + n), Expect::Absent, record_of("bob", large())).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Full);
        assert!(load(&store, id(written + n)).await.unwrap().is_none());
        assert!(load(&store, id(0)).await.unwrap().is_some());
    }
    // What needs no more room than there is goes on.
    applied(
        write(&store, id(1_000_000), Expect::Absent, record("still fits"))
            .await
            .unwrap(),
    );
    println!("written: {written} sessions");
}

fn large() -> Vec<u8> {
    vec![7; 200_000]
}
