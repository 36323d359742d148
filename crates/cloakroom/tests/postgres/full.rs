//! A disk that is full: nothing is written, the error says so, and there is room again afterwards.

use std::path::Path;
use std::process::Command;

use cloakroom::stores::Postgres;
use cloakroom_store::{ErrorKind, Expect};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{client, create, id, load, record, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_got_over() {
    let server = Server::start();
    let path = server.directory().join("small");
    let disk = SmallDisk::mount(&path);
    let Some(disk) = disk else {
        println!("no disk can be mounted here: nothing was shown");
        return;
    };
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0; 2_000_000]).unwrap();
    let admin = client(&server).await;
    let path = disk.0.join("tables");
    own_by_server(&path, server.directory());
    let path = path.display();
    admin
        .execute(&format!("CREATE TABLESPACE small LOCATION '{path}'"), &[])
        .await
        .unwrap();
    let store = Postgres::connect(&server.url()).await.unwrap();
    admin
        .batch_execute(
            "ALTER TABLE cloakroom_bodies SET TABLESPACE small; ALTER INDEX cloakroom_bodies_pkey SET TABLESPACE small",
        )
        .await
        .unwrap();
    let revision = create(&store, id(0), record(b"small")).await;
    let mut written = 1;
    let error = loop {
        match write(&store, id(written), Expect::Absent, record(&[written; 500_000])).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    cloakroom_testbed::note(
        "no room left on the server",
        "PostgreSQL",
        &format!("writes: \"{error}\"; reads go on"),
    );
    assert_eq!(
        load(&store, id(written)).await.unwrap(),
        None,
        "nothing of it was written"
    );
    assert_eq!(load(&store, id(0)).await.unwrap().unwrap().revision, revision);
    std::fs::remove_file(ballast).unwrap();
    create(&store, id(written), record(&[written; 500_000])).await;
}

/// Makes a directory that belongs to whom another does.
fn own_by_server(path: &Path, like: &Path) {
    use std::os::unix::fs::{MetadataExt as _, chown};
    std::fs::create_dir(path).unwrap();
    let owner = std::fs::metadata(like).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// A file system of its own, of eight megabytes, in memory.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Nothing, where this user may not mount.
    fn mount(path: &'a Path) -> Option<Self> {
        std::fs::create_dir(path).ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(path)
            .output()
            .ok()?;
        mounted.status.success().then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Lazily: the server may still have files open there.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
