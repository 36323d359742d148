//! A near cache that the server feeds: other nodes' changes are seen within milliseconds, and copies need the feed.

use std::time::{Duration, Instant};

use cloakroom::stores::cached::CachedOptions;
use cloakroom::stores::{Cached, Redis};
use cloakroom_store::{Delete, Expect, Freshness, Load, Owner, Store, Write, Written};
use cloakroom_testbed::redis::{Redis as Server, RedisLaunch};

use crate::fixture::{id, namespace, record};

/// Far longer than any test takes: what is seen sooner has been told.
const STALENESS: Duration = Duration::from_hours(1);

async fn node(server: &Server) -> Cached {
    let redis = Redis::connect(&server.url()).await.unwrap();
    let cached = redis.cached(CachedOptions::default().staleness(STALENESS));
    until("the feed to be there", || cached.stats().keeping).await;
    cached
}

/// Waits for something that another task or the server does.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    let mut asking = tokio::time::interval(Duration::from_millis(1));
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited for {what}");
        asking.tick().await;
    }
}

async fn body(store: &impl Store, n: u64) -> Option<Vec<u8>> {
    let found = store.load(Load::new(namespace(), id(n))).await.unwrap();
    found.map(|stored| stored.record.body.to_vec())
}

async fn write(store: &impl Store, n: u64, body: &str) {
    let found = store.load(Load::new(namespace(), id(n)).latest()).await.unwrap();
    let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
    let written = store.write(Write::new(namespace(), id(n), expect, record("alice", body)));
    assert!(matches!(written.await.unwrap(), Written::Applied { .. }));
}

async fn end(store: &impl Store, n: u64) {
    let delete = Delete::new(namespace(), id(n), Owner::Any);
    store.delete(delete).await.unwrap();
}

/// Whether a copy is made of what is loaded.
async fn keeps(node: &Cached, n: u64) -> bool {
    body(node, n).await;
    let hits = node.stats().hits;
    body(node, n).await;
    node.stats().hits > hits
}

/// Waits until a copy is made of what is loaded: what was just written may not have been told yet.
async fn has_copy(node: &Cached, n: u64) {
    let begun = Instant::now();
    while !keeps(node, n).await {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "there is no copy of {n}"
        );
        tokio::task::yield_now().await;
    }
}

/// How many connections are told of changes.
fn tracked(server: &Server) -> Vec<String> {
    let clients = server.command(&["CLIENT", "LIST"]);
    let ids = clients.lines().filter_map(|client| {
        let field = |name: &str| client.split(' ').find_map(|field| field.strip_prefix(name));
        field("flags=")?
            .contains('B')
            .then(|| field("id=").unwrap_or_default().to_owned())
    });
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_writes_is_seen_within_milliseconds() {
    let server = RedisLaunch::default().start();
    let (here, there) = (node(&server).await, node(&server).await);
    let mut delays = Vec::new();
    for n in 0..300 {
        let text = n.to_string();
        write(&here, 1, &text).await;
        let begun = Instant::now();
        loop {
            if body(&there, 1).await.as_deref() == Some(text.as_bytes()) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "it was never told");
            tokio::task::yield_now().await;
        }
        delays.push(begun.elapsed());
        has_copy(&there, 1).await;
    }
    delays.sort();
    println!(
        "{}: seen after {:?} in the median, {:?} at most",
        server.version(),
        delays[150],
        delays[299]
    );
    assert!(delays[150] < Duration::from_millis(50), "{:?}", delays[150]);
    end(&here, 1).await;
    let begun = Instant::now();
    while body(&there, 1).await.is_some() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it was never told");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_feed_there_are_no_copies() {
    let server = Server::start();
    let there = node(&server).await;
    let here = Redis::connect(&server.url()).await.unwrap();
    write(&here, 1, "a").await;
    write(&here, 2, "a").await;
    has_copy(&there, 1).await;
    has_copy(&there, 2).await;

    // Nobody new is let in to be told, and who is told is thrown out.
    server.command(&["ACL", "SETUSER", "default", "-client|tracking"]);
    for id in tracked(&server) {
        server.command(&["CLIENT", "KILL", "ID", &id]);
    }
    until("the feed to be cut", || !there.stats().keeping).await;
    end(&here, 1).await;
    assert_eq!(body(&there, 1).await, None);
    assert!(!keeps(&there, 2).await);
    assert_eq!(there.stats().copies, 0);

    server.command(&["ACL", "SETUSER", "default", "+client|tracking"]);
    until("the feed to be back", || there.stats().keeping).await;
    has_copy(&there, 2).await;
    end(&here, 2).await;
    let begun = Instant::now();
    while body(&there, 2).await.is_some() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it was never told");
        tokio::task::yield_now().await;
    }
}

/// As one is whose buffer of what it is to be told is full: it is not to be back in it at once, each time.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_thrown_out_again_and_again_comes_back_more_slowly() {
    let server = Server::start();
    let there = node(&server).await;
    let begun = Instant::now();
    for _ in 0..10 {
        for id in tracked(&server) {
            server.command(&["CLIENT", "KILL", "ID", &id]);
        }
        until("the feed to be cut", || !there.stats().keeping).await;
        until("the feed to be back", || there.stats().keeping).await;
    }
    // At least 10, 20, 40, 80 and then 100 milliseconds each; one that has lasted for longer than all that may be back at
    // once.
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(700), "{took:?}");
}

/// The server tells of it, if it is the one that feeds. Another one that has taken it, while the next is chosen, would not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_kept_once_it_was_read() {
    let server = Server::start();
    let node = node(&server).await;
    for n in 0..50 {
        write(&node, n, "a").await;
        assert_eq!(node.stats().copies, 0, "{n}");
    }
    has_copy(&node, 0).await;
}

/// Whoever asks the store itself is told so: else each refusal is asked for twice, and no ending believes that it is there.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_feed_an_answer_is_no_copy() {
    let server = Server::start();
    server.command(&["ACL", "SETUSER", "default", "-client|tracking"]);
    for staleness in [Duration::ZERO, STALENESS] {
        let redis = Redis::connect(&server.url()).await.unwrap();
        let node = redis.cached(CachedOptions::default().staleness(staleness));
        write(&node, 1, "a").await;
        let found = node.load(Load::new(namespace(), id(1))).await.unwrap().unwrap();
        assert_eq!(found.freshness, Freshness::Latest, "{staleness:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_while_the_connection_is_cut_is_not_hidden_by_a_copy() {
    let server = Server::start();
    let there = node(&server).await;
    let here = Redis::connect(&server.url()).await.unwrap();
    for n in 0..50 {
        write(&here, n, "a").await;
        has_copy(&there, n).await;
        for id in tracked(&server) {
            server.command(&["CLIENT", "KILL", "ID", &id]);
        }
        end(&here, n).await;
        let begun = Instant::now();
        while body(&there, n).await.is_some() {
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "a copy has outlived its feed"
            );
            tokio::task::yield_now().await;
        }
        until("the feed to be back", || there.stats().keeping).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_goes_silent_is_found_out() {
    let server = Server::start();
    let there = node(&server).await;
    write(&there, 1, "a").await;
    has_copy(&there, 1).await;
    server.server().pause();
    let begun = Instant::now();
    until("the feed to be cut", || !there.stats().keeping).await;
    let silent = begun.elapsed();
    server.server().resume();
    assert!(silent < Duration::from_millis(1500 + 1000), "{silent:?}");
    until("the feed to be back", || there.stats().keeping).await;
    has_copy(&there, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_database_is_an_emptied_cache() {
    let server = Server::start();
    let there = node(&server).await;
    write(&there, 1, "a").await;
    has_copy(&there, 1).await;
    server.command(&["FLUSHALL"]);
    let begun = Instant::now();
    while body(&there, 1).await.is_some() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it was never told");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_ends_with_its_cache() {
    let server = Server::start();
    let there = node(&server).await;
    assert_eq!(tracked(&server).len(), 1);
    drop(there);
    until("nobody to be told", || tracked(&server).is_empty()).await;
}
