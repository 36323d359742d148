//! A disk that is read-only: a small file system that only a child process sees.

use std::path::Path;
use std::process::Command;

use cloakroom::stores::Disk;
use cloakroom_store::{ErrorKind, Expect};

use crate::child;
use crate::fixture::{applied, id, load, record, write};

#[test]
fn a_read_only_disk_is_said_and_got_over() {
    let directory = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=16m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    let place = directory.path().to_str().unwrap();
    let through = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, place];
    let output = child::command_through(&through, "read-only", directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("shown"),
        "{said}\n{told}"
    );
}

pub(crate) async fn use_what_cannot_be_written(directory: &Path) {
    let store = Disk::open(directory).await.unwrap();
    applied(
        write(&store, id(1), Expect::Absent, record("kept"))
            .await
            .unwrap(),
    );
    store.close().await.unwrap();
    drop(store);
    remount(directory, "ro");
    let error = Disk::open(directory).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("read-only"), "{error}");
    let seen = error
        .to_string()
        .replace(&directory.display().to_string(), "sessions");
    cloakroom_testbed::note(
        "the server only reads: a replica, or told to",
        "disk",
        &format!("on a read-only disk, at opening: \"{seen}\""),
    );
    remount(directory, "rw");
    let store = Disk::open(directory).await.unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_some());
    println!("shown");
}

fn remount(directory: &Path, how: &str) {
    let mounted = Command::new("mount")
        .args(["-o", &format!("remount,{how}")])
        .arg(directory)
        .status();
    assert!(mounted.unwrap().success());
}
