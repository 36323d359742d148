//! What the store asks its server: how often, in how many writes, and for how long an item is to be kept.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cloakroom::stores::Memcached;
use cloakroom_store::{
    AddOne, Counted, Counter, Counters as _, Delete, Deleted, Expect, Owner, Principal, Revision, Store as _,
    TakeBack, Timestamp, Touch, Touched, Written,
};
use cloakroom_testbed as testbed;
use tokio::task::JoinSet;

use crate::fixture::{create, delete, id, in_hours, load, namespace, now, record, write};
use crate::proxy::Proxy;

/// Does one thing, and counts by the server's own statistics what it was asked meanwhile.
async fn asks<T>(server: &testbed::memcached::Memcached, times: u64, doing: impl Future<Output = T>) -> T {
    let asked = || {
        let stats = server.stats();
        let counted = ["cmd_get", "cmd_set", "delete_hits", "delete_misses", "cmd_touch"];
        let numbers = ["incr_hits", "incr_misses", "decr_hits", "decr_misses"];
        counted
            .into_iter()
            .chain(numbers)
            .map(|name| stats[name])
            .sum::<u64>()
    };
    let before = asked();
    let done = doing.await;
    assert_eq!(asked() - before, times);
    done
}

#[tokio::test]
async fn every_verb_asks_as_often_as_the_docs_say() {
    let server = testbed::memcached::Memcached::start();
    let store = Memcached::connect(&server.url()).await.unwrap();
    assert_eq!(asks(&server, 1, load(&store, 1)).await.unwrap(), None);
    let mut revision = asks(&server, 1, create(&store, 1, record("created"))).await;
    asks(&server, 1, load(&store, 1)).await.unwrap();

    let written = asks(
        &server,
        1,
        write(&store, 1, Expect::Revision(revision), record("rewritten")),
    );
    match written.await.unwrap() {
        Written::Applied { revision: now, .. } => revision = now,
        other => panic!("{other:?}"),
    }
    let stale = Expect::Revision(Revision::new(revision.value() - 1));
    let refused = asks(&server, 1, write(&store, 1, stale, record("stale"))).await;
    assert_eq!(refused.unwrap(), Written::Refused);

    let touch = |revision, hours| {
        let touch = Touch::new(
            namespace(),
            id(1),
            revision,
            in_hours(hours),
            in_hours(24 + hours),
        );
        store.touch(touch)
    };
    let Touched::Applied(touched) = asks(&server, 2, touch(revision, 2)).await.unwrap() else {
        panic!("a touch at the revision is applied");
    };
    assert_eq!(
        asks(&server, 1, touch(revision, 3)).await.unwrap(),
        Touched::Refused
    );
    let nothing = asks(&server, 1, touch(touched, 1)).await.unwrap();
    assert_eq!(nothing, Touched::Applied(touched));

    let of = |owner| store.delete(Delete::new(namespace(), id(1), Owner::Is(owner)));
    let alice = || Principal::new("alice").ok();
    assert_eq!(asks(&server, 1, of(None)).await.unwrap(), Deleted::NotOwner);
    assert_eq!(asks(&server, 2, of(alice())).await.unwrap(), Deleted::Ended);
    assert_eq!(asks(&server, 1, of(alice())).await.unwrap(), Deleted::Missing);
    create(&store, 2, record("another")).await;
    let deleted = asks(&server, 1, store.delete(delete(2))).await;
    assert_eq!(deleted.unwrap(), Deleted::Ended);

    let counter = Counter::new(namespace(), Counted::from_bytes([1; 16]), in_hours(1));
    // The server does not count the request that begins a number.
    for (expected, counted) in [(1, 0), (2, 1)] {
        let added = asks(&server, counted, store.add(AddOne::new(counter.clone()))).await;
        assert_eq!(added.unwrap(), expected);
    }
    asks(&server, 1, store.take_back(TakeBack::new(counter)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_ping_is_one_command_and_so_is_an_attempt() {
    // The server does not count it.
    let server = testbed::memcached::Memcached::start();
    let proxy = Proxy::to(server.server().address());
    let store = Memcached::connect(&proxy.url()).await.unwrap();
    let before = proxy.writes();
    for _ in 0..10 {
        store.ping().await.unwrap();
    }
    assert_eq!(proxy.writes() - before, 10);
    let before = proxy.writes();
    for n in 0..10 {
        let counter = Counter::new(namespace(), Counted::from_bytes([n / 2; 16]), in_hours(1));
        store.add(AddOne::new(counter)).await.unwrap();
    }
    assert_eq!(proxy.writes() - before, 10);
}

#[tokio::test]
async fn a_write_at_no_revision_is_refused() {
    // The server reads a `cas` of zero as it likes; no session is ever at it.
    let server = testbed::memcached::Memcached::start();
    let store = Memcached::connect(&server.url()).await.unwrap();
    create(&store, 1, record("kept")).await;
    for n in [1, 2] {
        let nothing = Expect::Revision(Revision::new(0));
        let refused = write(&store, n, nothing, record("lost")).await;
        assert_eq!(refused.unwrap(), Written::Refused);
    }
    assert_eq!(&*load(&store, 1).await.unwrap().unwrap().record.body, b"kept");
    assert_eq!(load(&store, 2).await.unwrap(), None);
}

/// On one worker, which runs the connection right after each call unless that lets the others go first.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_at_the_same_time_share_their_writes() {
    const TASKS: usize = 64;
    const EACH: usize = 10;
    let server = testbed::memcached::Memcached::start();
    let proxy = Proxy::to(server.server().address());
    let store = Memcached::connect(&proxy.url()).await.unwrap();
    create(&store, 1, record("read by all")).await;
    let before = proxy.writes();
    let mut readers = JoinSet::new();
    for _ in 0..TASKS {
        let store = store.clone();
        readers.spawn(async move {
            for _ in 0..EACH {
                assert!(load(&store, 1).await.unwrap().is_some());
            }
        });
    }
    readers.join_all().await;
    let writes = proxy.writes() - before;
    println!("{} commands in {writes} writes", TASKS * EACH);
    assert!(
        writes <= 8 * EACH as u64,
        "{} commands in {writes} writes",
        TASKS * EACH
    );
}

#[tokio::test]
async fn the_server_keeps_an_item_for_the_margin_longer() {
    let server = testbed::memcached::Memcached::start();
    let url = format!("{}?ttl_margin=20m", server.url());
    let store = Memcached::connect(&url).await.unwrap();
    let mut kept = record("kept");
    kept.expires = now().saturating_add(Duration::from_secs(3600));
    let revision = create(&store, 1, kept).await;
    about(ttl(&server, 1), 3600 + 1200);
    // A touch moves it, and one further than the server can count makes it stay.
    let touch = |revision, expires| Touch::new(namespace(), id(1), revision, now(), expires);
    let Touched::Applied(revision) = store.touch(touch(revision, in_hours(2))).await.unwrap() else {
        panic!("a touch at the revision is applied");
    };
    about(ttl(&server, 1), 7200 + 1200);
    store.touch(touch(revision, Timestamp::MAX)).await.unwrap();
    assert_eq!(ttl(&server, 1), -1);
}

fn about(found: i64, expected: i64) {
    assert!(
        (found - expected).abs() < 60,
        "expected about {expected} s, found {found}"
    );
}

/// How many seconds the server means to keep a session yet, as it says itself.
fn ttl(server: &testbed::memcached::Memcached, n: usize) -> i64 {
    let mut stream = TcpStream::connect(server.server().address()).unwrap();
    let key = format!("cloakroom%{}%{}", namespace(), id(n));
    stream.write_all(format!("mg {key} t\r\n").as_bytes()).unwrap();
    let mut answer = [0; 100];
    let length = stream.read(&mut answer).unwrap();
    let answer = str::from_utf8(&answer[..length]).unwrap();
    answer.trim_end().strip_prefix("HD t").unwrap().parse().unwrap()
}
