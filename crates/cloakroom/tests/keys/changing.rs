//! A file of keys changes as a whole, and no change is lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cloakroom::{Error, ErrorKind, KeyFile, ServerKey};

use crate::{new_file, new_keys, now};

#[test]
fn changes_at_the_same_time_lose_nothing_and_readers_see_whole_files() {
    const WRITERS: usize = 12;
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let together = Barrier::new(WRITERS + 2);
    let written = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..WRITERS {
            threads.spawn(|| {
                together.wait();
                let added = file.change(|keys| keys.add(ServerKey::generate()?, now()));
                written.fetch_add(1, Ordering::SeqCst);
                added.unwrap();
            });
        }
        for _ in 0..2 {
            threads.spawn(|| {
                together.wait();
                while written.load(Ordering::SeqCst) < WRITERS {
                    file.read().expect("it is always whole");
                }
            });
        }
    });
    assert_eq!(file.read().unwrap().iter().count(), 1 + WRITERS);
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_change_that_is_refused_leaves_the_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let before = fs::read(file.path()).unwrap();
    let active = file.read().unwrap().active().id;
    assert!(file.change(|keys| keys.retire(active, now())).is_err());
    let refused: Result<(), Error> = file.change(|keys| {
        keys.add(ServerKey::generate()?, now())?;
        keys.retire(active, now())
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(fs::read(file.path()).unwrap(), before);
}

#[test]
fn what_is_there_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let before = fs::read(file.path()).unwrap();
    let error = file.create(&new_keys()).unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
    assert_eq!(fs::read(file.path()).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn no_file_is_made_where_a_link_leads() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let link = directory.path().join("keys");
    let file = KeyFile::new(&link);
    let outside = elsewhere.path().join("keys");
    for to in [Path::new("nowhere"), &outside, Path::new("keys")] {
        symlink(to, &link).unwrap();
        let error = file.create(&new_keys()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let says = format!("is a symbolic link to {}, where there is no file", to.display());
        assert!(error.to_string().contains(&says), "{error}");
        assert!(error.to_string().contains("remove the link"), "{error}");
        assert_eq!(fs::read_link(&link).unwrap(), to, "it stays");
        assert!(file.read().is_err());
        fs::remove_file(&link).unwrap();
    }
    // Whoever reads is told as well.
    symlink("nowhere", &link).unwrap();
    let error = file.read().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a symbolic link to nowhere, where there is no file"),
        "{error}"
    );
    fs::remove_file(&link).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    // One that leads to a file is no place for another.
    let there = new_file(elsewhere.path());
    symlink(there.path(), &link).unwrap();
    let error = file.create(&new_keys()).unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
}

#[test]
fn what_is_beside_it_stays() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    // As it comes to be when a file of keys is sent to a node, to be moved into place.
    let sent = directory.path().join("keys.new");
    fs::write(&sent, "sent").unwrap();
    file.change(|keys| keys.add(ServerKey::generate()?, now()))
        .unwrap();
    assert_eq!(fs::read_to_string(sent).unwrap(), "sent");
}

#[test]
fn what_a_killed_command_has_left_is_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    fs::write(directory.path().join(".keys.cloakroom"), "half a f").unwrap();
    file.change(|keys| keys.add(ServerKey::generate()?, now()))
        .unwrap();
    assert_eq!(file.read().unwrap().iter().count(), 2);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
