//! What changes in the file reaches the ring, and what is wrong with it does not.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use cloakroom::{KeyRing, KeyState, Looked, ServerKey};

use crate::{new_file, new_keys, now};

#[test]
fn a_look_takes_up_what_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let ring = KeyRing::from(file.read().unwrap());
    let mut watcher = file.watch(&ring);
    assert_eq!(watcher.look().unwrap(), Looked::Unchanged);
    let added = file
        .change(|keys| keys.add(ServerKey::generate()?, now()))
        .unwrap();
    assert_eq!(ring.uses().len(), 1, "not before it looks");
    assert_eq!(watcher.look().unwrap(), Looked::Changed);
    assert_eq!(watcher.look().unwrap(), Looked::Unchanged);
    let uses = ring.uses();
    let found = uses.iter().find(|used| used.key.id == added).unwrap();
    assert_eq!(found.key.state, KeyState::Pending);
}

#[test]
fn a_file_that_cannot_be_used_leaves_the_ring_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let ring = KeyRing::from(file.read().unwrap());
    let mut watcher = file.watch(&ring);
    let before = ring.uses();
    let good = fs::read(file.path()).unwrap();
    let mut check = |says: &str| {
        let error = watcher.look().expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(ring.uses(), before);
    };
    fs::write(file.path(), &good[..50]).unwrap();
    check("cut off");
    fs::write(file.path(), &good).unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
    check("chmod 600");
    fs::remove_file(file.path()).unwrap();
    check("No such file");
    file.create(&new_keys()).unwrap();
    assert_eq!(watcher.look().unwrap(), Looked::Changed);
    assert_ne!(ring.uses(), before);
}

#[test]
fn an_old_file_put_back_does_not_revive_a_compromised_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let old = fs::read(file.path()).unwrap();
    let ring = KeyRing::from(file.read().unwrap());
    let mut watcher = file.watch(&ring);
    let leaked = file.read().unwrap().active().id;
    file.change(|keys| keys.compromise(leaked, ServerKey::generate()?, now()))
        .unwrap();
    assert_eq!(watcher.look().unwrap(), Looked::Changed);
    fs::write(file.path(), old).unwrap();
    let error = watcher.look().unwrap_err().to_string();
    assert!(error.contains("is it an old file?"), "{error}");
    assert_eq!(ring.uses()[0].key.state, KeyState::Compromised);
}

#[tokio::test]
async fn a_watcher_that_runs_looks_by_itself_until_it_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let file = new_file(directory.path());
    let ring = KeyRing::from(file.read().unwrap());
    let running = file.watch(&ring).every(Duration::from_millis(1)).start();
    let change = || {
        file.change(|keys| keys.add(ServerKey::generate()?, now()))
            .unwrap()
    };
    for expected in 2..5 {
        change();
        let taken_up = async {
            while ring.uses().len() < expected {
                tokio::task::yield_now().await;
            }
        };
        let bound = Duration::from_secs(30);
        tokio::time::timeout(bound, taken_up)
            .await
            .expect("it looks often");
    }
    running.stop().await;
    change();
    assert_eq!(ring.uses().len(), 4, "nobody looks any more");
}

#[test]
fn no_request_sees_half_a_ring() {
    use std::sync::atomic::{AtomicBool, Ordering};

    // Two rings of which each is whole: exactly one key is active, and the other one opens.
    let mut keys = new_keys();
    let first = keys.active().id;
    let second = keys.add(ServerKey::generate().unwrap(), now()).unwrap();
    let ring = KeyRing::from(keys.clone());
    let enough = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let uses = ring.uses();
                    let active = uses.iter().filter(|used| used.key.state == KeyState::Active);
                    assert_eq!((uses.len(), active.count()), (2, 1));
                    assert!(uses.iter().all(|used| used.key.state.opens()));
                }
            });
        }
        for _ in 0..2000 {
            let next = if keys.active().id == first { second } else { first };
            keys.activate(next, now()).unwrap();
            ring.replace(keys.clone()).unwrap();
        }
        enough.store(true, Ordering::Relaxed);
    });
}
