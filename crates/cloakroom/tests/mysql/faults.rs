//! What goes wrong with a server that is there: connections killed or cut, too many of them, read-only, locked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cloakroom::stores::Mysql;
use cloakroom_store::{Error, ErrorKind, Expect, Record, Store, Touch, Touched, Written};
use cloakroom_testbed::mysql::Mysqld;
use mysql_async::prelude::Queryable as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::fixture;
use super::fixture::{
    BOUND, admin, create, id, load, moment, namespace, record_of, run, shared, status, write,
};

fn is_unavailable(error: &Error, advice: &str) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(
        error.to_string().contains(advice),
        "expected {advice:?} in {error}"
    );
    assert!(!format!("{error:?}").contains(Mysqld::PASSWORD), "{error:?}");
}

/// Asks until the store answers again.
async fn recovers(store: &Mysql) {
    let begun = Instant::now();
    while let Err(error) = store.ping().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{error:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn killed_connections_are_made_again() {
    let server = Mysqld::start();
    let store = Mysql::connect(&server.url()).await.unwrap();
    let revision = create(&store, id(1), record_of("alice", "body")).await;
    for _ in 0..5 {
        let mut admin = admin(&server).await;
        let ours: Vec<u64> = admin
            .query("SELECT id FROM information_schema.processlist WHERE user = 'app'")
            .await
            .unwrap();
        assert!(!ours.is_empty());
        for connection in ours {
            // One that was killed in the round before may still have been listed.
            let killed = admin.query_drop(format!("KILL {connection}")).await;
            assert!(killed.is_ok() || killed.unwrap_err().to_string().contains("Unknown thread id"));
        }
        // At most one call finds out, and then none.
        let first = load(&store, id(1)).await;
        if let Err(error) = &first {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        }
        let kept = load(&store, id(1)).await.unwrap().unwrap();
        assert_eq!(kept.revision, revision);
    }
}

#[tokio::test]
async fn connections_that_the_server_closed_for_being_idle_are_no_errors() {
    let server = Mysqld::start_with(&["--wait-timeout=1", "--interactive-timeout=1"]);
    let store = Mysql::connect(&server.url()).await.unwrap();
    create(&store, id(1), record_of("alice", "body")).await;
    let mut admin = admin(&server).await;
    // Ours are told to stay for longer than the server would keep them.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        admin.query_drop("SELECT SLEEP(0.5)").await.unwrap();
    }
    load(&store, id(1)).await.unwrap().unwrap();
    // And when they are gone after all, the one that was not used for a while is asked first.
    let ours: Vec<u64> = admin
        .query("SELECT id FROM information_schema.processlist WHERE user = 'app'")
        .await
        .unwrap();
    for connection in ours {
        admin.query_drop(format!("KILL {connection}")).await.unwrap();
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        admin.query_drop("SELECT SLEEP(0.5)").await.unwrap();
    }
    load(&store, id(1)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_only_reads_says_so() {
    let server = Mysqld::start();
    let store = Mysql::connect(&server.url()).await.unwrap();
    let revision = create(&store, id(1), record_of("alice", "body")).await;
    run(&server, "SET GLOBAL read_only = ON").await;
    is_unavailable(&store.ping().await.unwrap_err(), "read-only");
    let refused = write(&store, id(2), Expect::Absent, record_of("alice", "body")).await;
    let refused = refused.unwrap_err();
    is_unavailable(&refused, "name the primary");
    cloakroom_testbed::note(
        "the server only reads: a replica, or told to",
        "MariaDB",
        &format!("writes: \"{refused}\"; reads go on"),
    );
    assert!(load(&store, id(1)).await.unwrap().is_some());
    run(&server, "SET GLOBAL read_only = OFF").await;
    store.ping().await.unwrap();
    let written = write(
        &store,
        id(1),
        Expect::Revision(revision),
        record_of("alice", "after"),
    )
    .await;
    assert!(matches!(written, Ok(Written::Applied { .. })));
}

#[tokio::test]
async fn a_server_that_only_reads_is_left() {
    // Whoever was the primary keeps its clients when another one takes over: what is ended there would live on here.
    let server = Mysqld::start();
    let store = Mysql::connect(&server.url()).await.unwrap();
    create(&store, id(1), record_of("alice", "body")).await;
    let mut reading = JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        reading.spawn(async move { load(&store, id(1)).await.unwrap() });
    }
    reading.join_all().await;
    let mut admin = admin(&server).await;
    let ours = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'";
    let before: Option<u64> = admin.query_first(ours).await.unwrap();
    assert!(before > Some(1), "{before:?} connections");
    run(&server, "SET GLOBAL read_only = ON").await;
    let refused = write(&store, id(2), Expect::Absent, record_of("alice", "body")).await;
    is_unavailable(&refused.unwrap_err(), "read-only");
    let begun = Instant::now();
    while admin.query_first(ours).await.unwrap() != Some(0_u64) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it stays connected");
    }
    assert!(load(&store, id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_without_a_connection_left_says_so() {
    let server = Mysqld::start_with(&["--max-connections=12"]);
    let store = Mysql::connect(&server.url()).await.unwrap();
    let mut others = Vec::new();
    while let Ok(other) = mysql_async::Conn::from_url(format!("{}?prefer_socket=false", server.url())).await {
        others.push(other);
    }
    let refused = Mysql::connect(&server.url()).await.unwrap_err();
    is_unavailable(&refused, "max_connections");
    // The one that the store has goes on.
    create(&store, id(1), record_of("alice", "body")).await;
    for other in others {
        other.disconnect().await.unwrap();
    }
    recovers(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_for_long_is_an_error_in_bounded_time() {
    let url = fixture::database(shared(), "locked").await;
    let store = Mysql::connect(&url).await.unwrap();
    let revision = create(&store, id(1), record_of("alice", "before")).await;
    let mut admin = admin(shared()).await;
    admin.query_drop("BEGIN").await.unwrap();
    admin
        .query_drop("SELECT * FROM locked.cloakroom_sessions FOR UPDATE")
        .await
        .unwrap();
    let begun = Instant::now();
    let refused = write(
        &store,
        id(1),
        Expect::Revision(revision),
        record_of("alice", "after"),
    )
    .await;
    is_unavailable(&refused.unwrap_err(), "operation_timeout");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    // Reading waits for nobody.
    assert!(load(&store, id(1)).await.unwrap().is_some());
    admin.query_drop("COMMIT").await.unwrap();
    recovers(&store).await;
    let write_again = async || {
        let kept = load(&store, id(1)).await.unwrap().unwrap();
        let after = record_of("alice", "after");
        write(&store, id(1), Expect::Revision(kept.revision), after).await
    };
    let written = match write_again().await {
        // The write that was given up has come through meanwhile: once.
        Ok(Written::Refused) => write_again().await,
        written => written,
    };
    assert!(matches!(written, Ok(Written::Applied { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_anywhere_in_a_reply_is_an_error_and_no_wrong_answer() {
    let url = fixture::database(shared(), "cut").await;
    let proxy = Cutting::start(shared().server().address().to_string()).await;
    let through = url.replace(&shared().server().address().to_string(), &proxy.address);
    let store = Mysql::connect(&through).await.unwrap();
    let record = |n: u64| record_of("alice", format!("the body of session {n}"));
    for n in 0..2 {
        create(&store, id(n), record(n)).await;
    }
    let (mut errors, mut answers) = (0, 0);
    for cut in (0..3000).step_by(10) {
        proxy.left.store(cut, Ordering::SeqCst);
        // Two at a time, so that one may be handed what was meant for the other.
        let (zero, one) = tokio::join!(load(&store, id(0)), load(&store, id(1)));
        for (n, loaded) in [(0, zero), (1, one)] {
            match loaded {
                Ok(stored) => {
                    answers += 1;
                    assert_eq!(stored.unwrap().record, record(n));
                }
                Err(error) => {
                    errors += 1;
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                }
            }
        }
        proxy.left.store(usize::MAX, Ordering::SeqCst);
        recovers(&store).await;
    }
    println!("{answers} answers, {errors} errors");
    assert!(errors > 100 && answers > 0, "{answers} answers, {errors} errors");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_given_up_anywhere_leave_no_answer_behind() {
    let url = fixture::database(shared(), "given_up").await;
    let store = Mysql::connect(&format!("{url}?connections=2")).await.unwrap();
    let record = |n: u64| record_of("alice", format!("the body of session {n}"));
    for n in 0..8 {
        create(&store, id(n), record(n)).await;
    }
    for round in 0..400_u32 {
        let given_up = load(&store, id(u64::from(round) % 8));
        // A little later each time, from before the request to behind the answer.
        let _ = tokio::time::timeout(Duration::from_micros(u64::from(round) * 5), given_up).await;
        let n = u64::from(round + 1) % 8;
        let kept = load(&store, id(n)).await.unwrap().unwrap();
        assert_eq!(kept.record, record(n));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_given_up_on_a_frozen_server_use_nothing_up() {
    let server = Mysqld::start();
    let store = Mysql::connect(&format!("{}?connections=3", server.url()))
        .await
        .unwrap();
    create(&store, id(1), record_of("alice", "body")).await;
    server.server().pause();
    for _ in 0..30 {
        let _ = tokio::time::timeout(Duration::from_millis(20), load(&store, id(1))).await;
    }
    let begun = Instant::now();
    is_unavailable(&load(&store, id(1)).await.unwrap_err(), "could not");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    server.server().resume();
    recovers(&store).await;
    let mut loads = JoinSet::new();
    for _ in 0..30 {
        let store = store.clone();
        loads.spawn(async move { load(&store, id(1)).await.unwrap().unwrap() });
    }
    assert_eq!(loads.join_all().await.len(), 30);
    let mut admin = admin(&server).await;
    assert!(status(&mut admin, "Threads_connected").await <= 3 + 1);
}

#[tokio::test]
async fn a_touch_that_moves_nothing_has_found_its_session() {
    let url = fixture::database(shared(), "touched").await;
    let store = Mysql::connect(&url).await.unwrap();
    let record: Record = record_of("alice", "body");
    let (seen, expires) = (record.last_seen, record.expires);
    let revision = create(&store, id(1), record).await;
    for _ in 0..2 {
        let touch = Touch::new(namespace(), id(1), revision, seen, expires);
        assert_eq!(store.touch(touch).await.unwrap(), Touched::Applied(revision));
    }
    let gone = Touch::new(namespace(), id(2), revision, moment(1), moment(2));
    assert_eq!(store.touch(gone).await.unwrap(), Touched::Refused);
}

/// Passes on what both sides say, until the server has said so many bytes more: then it cuts the connection.
struct Cutting {
    address: String,
    left: Arc<AtomicUsize>,
}

impl Cutting {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let shared = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (left, server) = (Arc::clone(&shared), TcpStream::connect(&server).await.unwrap());
                tokio::spawn(Self::pass(client, server, left));
            }
        });
        Self { address, left }
    }

    async fn pass(client: TcpStream, server: TcpStream, left: Arc<AtomicUsize>) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let asking = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        });
        let mut said = vec![0; 4096];
        while let Ok(length @ 1..) = from_server.read(&mut said).await {
            let allowed = left.load(Ordering::SeqCst);
            let passed = length.min(allowed);
            if allowed != usize::MAX {
                left.fetch_sub(passed, Ordering::SeqCst);
            }
            if to_client.write_all(&said[..passed]).await.is_err() || passed < length {
                break;
            }
        }
        // Dropping both halves cuts it.
        asking.abort();
    }
}
