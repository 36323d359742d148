//! A server that goes away, and a connection that breaks in the middle of an answer.

use std::time::Instant;

use cloakroom::stores::Memcached;
use cloakroom_store::{ErrorKind, Expect, Store as _, Written};
use cloakroom_testbed as testbed;

use crate::fixture::{BOUND, create, load, record, write};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_has_lost_everything_and_nothing_comes_back() {
    const SESSIONS: usize = 100;
    let server = testbed::memcached::Memcached::start();
    let store = Memcached::connect(&server.url()).await.unwrap();
    let mut revisions = Vec::new();
    for n in 0..SESSIONS {
        revisions.push(create(&store, n, record("before")).await);
    }
    server.server().stop();
    let error = load(&store, 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains(&server.host()), "{error}");
    server.server().start_again();
    // The `cas` counts from the beginning: others are given the numbers that the writers below have seen.
    for n in SESSIONS..2 * SESSIONS {
        let again = create(&store, n, record("after")).await;
        assert!(
            revisions.contains(&again),
            "the server did not count from the beginning"
        );
    }
    let mut lost = 0;
    for (n, seen) in revisions.into_iter().enumerate() {
        let stale = write(&store, n, Expect::Revision(seen), record("resurrected")).await;
        assert_eq!(stale.unwrap(), Written::Refused);
        lost += usize::from(load(&store, n).await.unwrap().is_none());
    }
    println!("memcached killed: {lost} of {SESSIONS} acknowledged sessions lost");
    assert_eq!(lost, SESSIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_waits_on_a_silent_server_hears_of_it_within_the_bound() {
    let server = testbed::memcached::Memcached::start();
    let store = Memcached::connect(&server.url()).await.unwrap();
    create(&store, 1, record("kept")).await;
    server.server().pause();
    for round in 0..3 {
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let store = store.clone();
            waiting.spawn(async move {
                let begun = Instant::now();
                let error = load(&store, 1).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                assert!(error.to_string().contains("_timeout"), "{error}");
                begun.elapsed()
            });
        }
        let longest = waiting.join_all().await.into_iter().max().unwrap();
        println!("round {round}: the longest wait was {longest:?}");
        assert!(longest < BOUND, "{longest:?}");
    }
    server.server().resume();
    // What was connecting meanwhile answers now, or the next attempt does.
    let begun = Instant::now();
    while load(&store, 1).await.is_err() {
        assert!(
            begun.elapsed() < 4 * BOUND,
            "the store did not find its server again"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_is_nobodys() {
    let server = testbed::memcached::Memcached::start();
    let proxy = Proxy::to(server.server().address());
    let store = Memcached::connect(&proxy.url()).await.unwrap();
    for n in 0..8 {
        create(&store, n, record(vec![n as u8; 300])).await;
    }
    // In the line, in the data, at its end, and in the second answer of several.
    for cut in [1, 5, 12, 20, 100, 330, 350, 351, 352, 353, 400, 900] {
        proxy.cut_after(cut);
        let begun = Instant::now();
        let mut failed = 0;
        let mut reading = tokio::task::JoinSet::new();
        for n in 0..8 {
            let store = store.clone();
            reading.spawn(async move { (n, load(&store, n).await) });
        }
        for (n, answer) in reading.join_all().await {
            match answer {
                Ok(found) => assert_eq!(&*found.unwrap().record.body, vec![n as u8; 300]),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                    failed += 1;
                }
            }
        }
        assert!(failed > 0, "nobody noticed the cut after {cut} bytes");
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        proxy.cut_after(0);
        for n in 0..8 {
            let found = load(&store, n).await.unwrap().unwrap();
            assert_eq!(&*found.record.body, vec![n as u8; 300]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_cut_is_settled_by_loading() {
    let server = testbed::memcached::Memcached::start();
    let proxy = Proxy::to(server.server().address());
    let store = Memcached::connect(&proxy.url()).await.unwrap();
    let mut revision = create(&store, 1, record("0")).await;
    for n in 1..10 {
        proxy.cut_after(3);
        let lost = write(&store, 1, Expect::Revision(revision), record(n.to_string())).await;
        assert_eq!(lost.unwrap_err().kind(), ErrorKind::Unavailable);
        proxy.cut_after(0);
        let found = load(&store, 1).await.unwrap().unwrap();
        assert_eq!(&*found.record.body, n.to_string().as_bytes());
        let again = write(&store, 1, Expect::Revision(revision), record("twice")).await;
        assert_eq!(again.unwrap(), Written::Refused);
        revision = found.revision;
    }
}

#[test]
fn a_store_outlives_the_runtime_it_was_opened_in() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let server = testbed::memcached::Memcached::start();
    let store = runtime().block_on(Memcached::connect(&server.url())).unwrap();
    for n in 0..3 {
        runtime().block_on(async {
            create(&store, n, record("kept")).await;
            store.ping().await.unwrap();
        });
    }
}
