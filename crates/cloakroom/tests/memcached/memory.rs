//! A server that runs out of memory: it drops what was not used for longest, or refuses.

use cloakroom::stores::Memcached;
use cloakroom_store::{AddOne, Counted, Counter, Counters as _, ErrorKind, Expect, Store as _, Written};
use cloakroom_testbed as testbed;

use crate::fixture::{create, delete, in_hours, load, namespace, record, write};

const BODY: usize = 100 << 10;

#[tokio::test]
async fn a_full_server_that_may_not_evict_says_so_and_goes_on_when_there_is_room() {
    let server = testbed::memcached::Memcached::with(&["-m", "8", "-M"]);
    let store = Memcached::connect(&server.url()).await.unwrap();
    let until = in_hours(1);
    let counter = |n: u32| {
        let mut bytes = [0; Counted::LEN];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        AddOne::new(Counter::new(namespace(), Counted::from_bytes(bytes), until))
    };
    assert_eq!(store.add(counter(0)).await.unwrap(), 1);
    let mut kept = 0;
    let full = loop {
        match write(&store, kept, Expect::Absent, record(vec![1; BODY])).await {
            Ok(Written::Applied { .. }) => kept += 1,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        assert!(
            kept < 1000,
            "a server of 8 MB does not keep {kept} sessions of {BODY} bytes"
        );
    };
    assert_eq!(full.kind(), ErrorKind::Full, "{full}");
    assert!(full.to_string().contains("-m"), "{full}");
    testbed::note(
        "no room left on the server",
        "Memcached",
        &format!(
            "with `-M`, writes: \"{full}\", and a session that finds no room for its change ends; else it evicts"
        ),
    );
    // So it does of counters, when their room is taken, and goes on with those that are there.
    let mut counted = 1;
    let full = loop {
        match store.add(counter(counted)).await {
            Ok(added) => assert_eq!(added, 1),
            Err(error) => break error,
        }
        counted += 1;
        assert!(counted < 200_000, "a full server has room for {counted} counters");
    };
    assert_eq!(full.kind(), ErrorKind::Full, "{full}");
    assert_eq!(store.add(counter(0)).await.unwrap(), 2);
    // What is there stays, whole.
    for n in 0..kept {
        let found = load(&store, n).await.unwrap().unwrap();
        assert_eq!(&*found.record.body, vec![1; BODY]);
    }
    // A write that finds no room ends the session that it was to change, as the docs say. It brings none back.
    let seen = load(&store, 0).await.unwrap().unwrap();
    let mut refused = 0;
    for n in 0..kept {
        let Some(found) = load(&store, n).await.unwrap() else {
            continue;
        };
        match write(&store, n, Expect::Revision(found.revision), record(vec![2; BODY])).await {
            Ok(Written::Applied { .. }) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Full, "{error}");
                assert_eq!(load(&store, n).await.unwrap(), None);
                refused += 1;
            }
        }
    }
    println!("{refused} of {kept} sessions ended because there was no room to change them");
    assert!(refused > 0, "a full server had room for every change");
    let stale = write(&store, 0, Expect::Revision(seen.revision), record("resurrected")).await;
    assert_eq!(stale.unwrap(), Written::Refused);
    // There is room again.
    for n in 0..kept {
        store.delete(delete(n)).await.unwrap();
    }
    create(&store, 0, record(vec![3; BODY])).await;
}

#[tokio::test]
async fn a_full_server_drops_what_was_not_used_for_longest() {
    let server = testbed::memcached::Memcached::with(&["-m", "8"]);
    let store = Memcached::connect(&server.url()).await.unwrap();
    assert!(store.capabilities().may_evict);
    for n in 0..200 {
        create(&store, n, record(vec![1; BODY])).await;
    }
    assert_eq!(load(&store, 0).await.unwrap(), None);
    assert!(load(&store, 199).await.unwrap().is_some());
    assert!(server.stats()["evictions"] > 0);
}
