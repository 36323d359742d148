//! A standby that writes wait for and that does not answer: writes are errors, reads go on, and the server keeps room.

use std::time::{Duration, Instant};

use cloakroom::stores::Postgres;
use cloakroom_store::{ErrorKind, Expect};
use cloakroom_testbed::postgres::Postgres as Server;
use cloakroom_testbed::postgres_standby::Standby;

use crate::fixture::{Store, client, create, id, load, record, recovered, with, write};

/// Short, so that many calls are given up in little time.
const HASTY: &str = "synchronous_commit=on&operation_timeout=300ms";

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_are_given_up_leave_few_connections_behind() {
    let (server, standby) = servers().await;
    let store = Postgres::connect(&with(&server, HASTY)).await.unwrap();
    // Four for requests, one for each of them that was given up, and two to sweep and to list.
    waits_in_vain(&server, &standby, &store, 2 * 4 + 2).await;
}

#[cfg(feature = "deadpool-postgres_v0_14")]
#[tokio::test(flavor = "multi_thread")]
async fn writes_that_are_given_up_leave_an_applications_pool_few_connections_behind() {
    use cloakroom::stores::postgres::{PostgresOptions, SynchronousCommit};
    use deadpool_postgres::{Manager, Pool};

    let (server, standby) = servers().await;
    // The statements say who they are by this name: the application's pool has no other.
    let url = with(&server, "application_name=cloakroom");
    let manager = Manager::new(url.parse().unwrap(), tokio_postgres::NoTls);
    let pool = Pool::builder(manager).max_size(4).build().unwrap();
    let options = PostgresOptions::default()
        .synchronous_commit(SynchronousCommit::On)
        .operation_timeout(Duration::from_millis(300));
    let store = options.from_pool(pool).await.unwrap();
    waits_in_vain(&server, &standby, &store, 2 * 4).await;
}

/// A primary that waits for its standby.
async fn servers() -> (Server, Standby) {
    let starting = tokio::task::spawn_blocking(|| {
        let server = Server::start_with(&["synchronous_standby_names=*"]);
        let standby = Standby::of(&server);
        (server, standby)
    });
    starting.await.unwrap()
}

async fn waits_in_vain(server: &Server, standby: &Standby, store: &Store, at_most: i64) {
    let seen = create(store, id(250), record(b"before")).await;
    let admin = client(server).await;
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cloakroom'";
    tokio::task::block_in_place(|| standby.pause());
    let begun = Instant::now();
    let (mut given_up, mut refused, mut most) = (0, 0, 0);
    // Slow enough for each connection to be given up several times: two hundred writes in five seconds.
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for round in 0..50 {
        pace.tick().await;
        let mut writing = tokio::task::JoinSet::new();
        for n in 4 * round..4 * (round + 1) {
            let store = store.clone();
            writing.spawn(async move { write(&store, id(n), Expect::Absent, record(b"new")).await });
        }
        for written in writing.join_all().await {
            let error = written.expect_err("no standby has it");
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            match error.to_string().contains("still waits for a standby") {
                true => refused += 1,
                false => given_up += 1,
            }
        }
        most = most.max(admin.query_one_scalar(connections, &[]).await.unwrap());
    }
    println!("{given_up} writes given up and {refused} refused, {most} connections at most");
    assert!(given_up > 0 && refused > given_up);
    assert!(most <= at_most, "{most} connections");
    // Reading goes on, and finds what the standby has: whoever finds more takes a write for done that may yet be lost.
    recovered(store).await;
    let mut reading = tokio::time::interval(Duration::from_millis(20));
    let found = loop {
        reading.tick().await;
        match load(store, id(250)).await {
            Ok(found) => break found.unwrap(),
            Err(_) => assert!(begun.elapsed() < Duration::from_secs(60)),
        }
    };
    assert_eq!(found.revision, seen);
    assert!(load(store, id(0)).await.unwrap().is_none());
    tokio::task::block_in_place(|| standby.resume());
    let written = loop {
        reading.tick().await;
        match write(store, id(251), Expect::Absent, record(b"after")).await {
            Ok(written) => break written,
            Err(_) => assert!(begun.elapsed() < Duration::from_secs(60)),
        }
    };
    println!("the next write: {written:?}");
    create(store, id(252), record(b"after")).await;
}
