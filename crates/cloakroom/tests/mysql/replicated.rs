//! A replica that writes wait for and that does not answer: writes are errors, reads go on, and the server keeps room.

use std::time::{Duration, Instant};

use cloakroom::stores::mysql::MysqlOptions;
use cloakroom_store::{ErrorKind, Expect};
use cloakroom_testbed::mysql_replica::{Answers, Replicated};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::timeout;

use crate::fixture::{create, id, load, record_of, write};

const CONNECTIONS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_are_given_up_leave_few_connections_behind() {
    let servers = block_in_place(|| Replicated::start(Answers::WhenTheReplicaHasIt));
    let options = MysqlOptions::default()
        .connections((CONNECTIONS as usize).try_into().unwrap())
        .operation_timeout(Duration::from_millis(300));
    let store = options.connect(&servers.url()).await.unwrap();
    let seen = create(&store, id(1000), record_of("alice", "before")).await;
    servers.fall_behind();
    let begun = Instant::now();
    let (mut failed, mut most) = (0, 0);
    for n in 0.. {
        if failed >= 200 && begun.elapsed() > Duration::from_secs(4) {
            break;
        }
        let mut writing = JoinSet::new();
        for user in 0..8 {
            let store = store.clone();
            writing.spawn(async move {
                write(&store, id(8 * n + user), Expect::Absent, record_of("bob", "new")).await
            });
        }
        for written in writing.join_all().await {
            let error = written.expect_err("no replica has it");
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            failed += 1;
        }
        most = most.max(block_in_place(|| connections(&servers)));
    }
    println!("{failed} writes failed, {most} connections at most");
    // As many as there are, and as many that were given up.
    assert!(most <= 2 * CONNECTIONS, "{most} connections");
    // Reading goes on, and finds what the replica has: whoever finds more takes a write for done that may yet be lost.
    assert_eq!(load(&store, id(1000)).await.unwrap().unwrap().revision, seen);
    assert!(load(&store, id(0)).await.unwrap().is_none());
    let error = write(&store, id(1001), Expect::Absent, record_of("bob", "")).await;
    let error = error.expect_err("no replica has it").to_string();
    assert!(error.contains("writes to end that were given up"), "{error}");
    servers.catch_up();
    let mut trying = tokio::time::interval(Duration::from_millis(20));
    while write(&store, id(1002), Expect::Absent, record_of("bob", "after"))
        .await
        .is_err()
    {
        trying.tick().await;
        assert!(begun.elapsed() < Duration::from_secs(60), "it takes writes again");
    }
    create(&store, id(1003), record_of("bob", "after")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_write_that_was_given_up_goes_on_once_it_is_over() {
    let servers = block_in_place(|| Replicated::start(Answers::WhenTheReplicaHasIt));
    let options = MysqlOptions::default()
        .connections(1.try_into().unwrap())
        .wait_timeout(Duration::from_secs(60))
        .operation_timeout(Duration::from_secs(3));
    let store = options.connect(&servers.url()).await.unwrap();
    servers.fall_behind();
    let given_up = write(&store, id(1), Expect::Absent, record_of("alice", "new")).await;
    assert_eq!(given_up.unwrap_err().kind(), ErrorKind::Unavailable);
    let looked = block_in_place(|| looks(&servers));
    let writing = tokio::spawn({
        let store = store.clone();
        async move { write(&store, id(2), Expect::Absent, record_of("bob", "new")).await }
    });
    // It looks, and the server is still at the other one.
    let mut looking = tokio::time::interval(Duration::from_millis(50));
    while block_in_place(|| looks(&servers)) < looked + 2 {
        looking.tick().await;
    }
    assert!(!writing.is_finished());
    servers.catch_up();
    let written = timeout(Duration::from_secs(20), writing).await;
    written.expect("it looks again").unwrap().unwrap();
}

/// How often somebody but this test has selected something from the primary.
fn looks(servers: &Replicated) -> u64 {
    let status = servers
        .ask_primary("SHOW GLOBAL STATUS LIKE 'Com_select'")
        .unwrap();
    status.split_whitespace().last().unwrap().parse().unwrap()
}

/// How many connections of the store's the primary has.
fn connections(servers: &Replicated) -> u64 {
    let count = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app'";
    let answer = servers.ask_primary(count).unwrap();
    answer.lines().last().unwrap().trim().parse().unwrap()
}
