//! A file of keys is for its owner only.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use cloakroom::{ErrorKind, KeyFile, KeyRing};

use crate::new_file;

/// That it is refused as a misconfiguration, with a sentence that says what to do.
fn refused(path: &Path, says: &str) {
    let error = KeyFile::new(path).read().expect_err(says);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let said = error.to_string();
    assert!(
        said.contains(says) && said.contains(path.to_str().unwrap()),
        "{said}"
    );
}

#[test]
fn others_may_neither_read_nor_write_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o7777, 0o600);
    for mode in 0..0o1000 {
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
        let readable = mode & 0o400 != 0;
        if mode & 0o077 != 0 {
            if readable {
                refused(file.path(), "chmod 600");
            }
            assert!(file.read().is_err());
        } else if readable {
            assert!(file.read().is_ok(), "{mode:o}");
        }
    }
}

#[test]
fn it_belongs_to_whoever_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let own = fs::metadata(file.path()).unwrap().uid();
    if own == 0 {
        chown(file.path(), Some(4242), None).unwrap();
        refused(file.path(), "belongs to user 4242");
        refused(file.path(), "`chown 0 ");
    } else {
        refused(Path::new("/etc/passwd"), "belongs to user 0");
    }
}

#[test]
fn a_link_is_followed_below_its_directory_only() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let there = new_file(elsewhere.path());
    let link = directory.path().join("keys");
    symlink(there.path(), &link).unwrap();
    refused(&link, "leads out of its directory");
    fs::remove_file(&link).unwrap();

    // As Kubernetes lays out what it mounts, to exchange all files at once.
    let data = directory.path().join("..2026_11_25");
    fs::create_dir(&data).unwrap();
    let keys = new_file(&data).read().unwrap();
    symlink("..2026_11_25", directory.path().join("..data")).unwrap();
    symlink("..data/keys", &link).unwrap();
    assert_eq!(KeyFile::new(&link).read().unwrap(), keys);
    // What is changed through a link is changed where it is, and the link stays one.
    KeyFile::new(&link)
        .change(|keys| keys.add(crate::ServerKey::generate()?, crate::now()))
        .unwrap();
    assert_eq!(KeyFile::new(data.join("keys")).read().unwrap().iter().count(), 2);
    assert!(link.symlink_metadata().unwrap().is_symlink());

    let loops = directory.path().join("loop");
    symlink("loop", &loops).unwrap();
    assert!(KeyFile::new(loops).read().is_err());
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    refused(directory.path(), "is not a regular file");
    // Whoever opens a pipe to read waits for whoever writes, unless told otherwise.
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg("-m600")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    refused(&pipe, "is not a regular file");
    refused(Path::new("/dev/null"), "/dev/null");
}

#[test]
fn what_is_not_there_is_said_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let error = KeyFile::new(directory.path().join("keys")).read().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("No such file"), "{error}");
}

#[test]
fn what_holds_no_keys_is_refused_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let good = fs::read(file.path()).unwrap();
    let check = |bytes: &[u8], says: &str| {
        fs::write(file.path(), bytes).unwrap();
        refused(file.path(), says);
    };
    check(b"", "the first line");
    check(b"hunter2", "the first line");
    check(b"\xff\xfe", "not text");
    check(&[b'a'; 1 << 20], "too long");
    check(&good[..good.len() - 5], "cut off");
    let error = file.read().unwrap_err().to_string();
    let secret = String::from_utf8(good).unwrap();
    let secret = secret.lines().nth(1).unwrap().rsplit(' ').next().unwrap();
    assert!(!error.contains(&secret[..8]), "{error}");
}

#[test]
fn nothing_shows_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let text = fs::read_to_string(file.path()).unwrap();
    let secret = text.lines().nth(1).unwrap().rsplit(' ').next().unwrap();
    let keys = file.read().unwrap();
    let ring = KeyRing::from(keys.clone());
    let shown = format!(
        "{file:?} {keys:?} {ring:?} {:?} {:?}",
        file.watch(&ring),
        ring.uses()
    );
    assert!(shown.contains(&keys.active().id.to_string()), "{shown}");
    assert!(!shown.contains(&secret[..8]), "{shown}");
}
