//! A file of keys changes as a whole, and no change is lost.

use std::fs;
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
    // Not even a link that leads nowhere.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(KeyFile::new(link).create(&new_keys()).is_err());
}

#[test]
fn what_a_killed_command_has_left_is_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    fs::write(directory.path().join("keys.new"), "half a f").unwrap();
    file.change(|keys| keys.add(ServerKey::generate()?, now()))
        .unwrap();
    assert_eq!(file.read().unwrap().iter().count(), 2);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
