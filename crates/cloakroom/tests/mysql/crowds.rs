//! Counting attempts and setting marks wait for rows that others write, and nobody else waits for that.

use cloakroom::stores::mysql::MysqlOptions;
use cloakroom_store::{
    AddOne, Counted, Counter, Counters as _, ErrorKind, Expect, Mark, Marks as _, SetMark, Subject, TakeBack,
    Timestamp,
};
use cloakroom_testbed::mysql::Mysqld;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tokio::task::JoinSet;
use tokio::time::{Duration, interval, timeout};

use super::fixture::{BOUND, admin, create, id, load, namespace, patient, record_of, status, write};

fn counter() -> Counter {
    Counter::new(
        namespace(),
        Counted::from_bytes([7; Counted::LEN]),
        Timestamp::MAX,
    )
}

fn mark() -> SetMark {
    let mark = Mark::new(Subject::Everyone, Timestamp::default(), Timestamp::MAX);
    SetMark::new(namespace(), mark)
}

/// Somebody else has the row of the counter, the only one so far, and the one that numbers marks.
async fn take_rows(server: &Mysqld) -> Conn {
    let mut other = admin(server).await;
    for statement in [
        "USE cloakroom",
        "START TRANSACTION",
        "UPDATE cloakroom_counters SET times = times + 1 LIMIT 1",
        "UPDATE cloakroom_mark_numbers SET latest = latest + 1",
    ] {
        other.query_drop(statement).await.unwrap();
    }
    other
}

/// Waits until so many wait for a row.
async fn wait_for(other: &mut Conn, count: u64) {
    let waits = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
    // The server shows the same again to who looks within a tenth of a second.
    let mut looking = interval(Duration::from_millis(200));
    while other.query_first::<u64, _>(waits).await.unwrap() < Some(count) {
        looking.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_counts_or_marks_leaves_connections_to_sessions() {
    let server = Mysqld::start();
    let patience = Duration::from_secs(30);
    let options = MysqlOptions::default()
        .connections(4.try_into().unwrap())
        .connect_timeout(patience)
        .wait_timeout(patience)
        .operation_timeout(patience);
    let store = options.connect(&server.url()).await.unwrap();
    create(&store, id(1), record_of("alice", "somebody's")).await;
    assert_eq!(store.add(AddOne::new(counter())).await.unwrap(), 1);
    store.mark(mark()).await.unwrap();
    let mut other = take_rows(&server).await;
    let (mut adding, mut marking) = (JoinSet::new(), JoinSet::new());
    for _ in 0..20 {
        let (adds, marks) = (store.clone(), store.clone());
        adding.spawn(async move { adds.add(AddOne::new(counter())).await });
        marking.spawn(async move { marks.mark(mark()).await });
    }
    wait_for(&mut other, 2).await;
    for n in 10..60 {
        let loaded = timeout(BOUND, load(&store, id(1))).await;
        assert!(loaded.expect("a connection is left").unwrap().is_some());
        let written = write(&store, id(n), Expect::Absent, record_of("bob", "new"));
        timeout(BOUND, written)
            .await
            .expect("a connection is left")
            .unwrap();
    }
    assert!(adding.try_join_next().is_none() && marking.try_join_next().is_none());
    other.query_drop("COMMIT").await.unwrap();
    let mut counted: Vec<u64> = adding.join_all().await.into_iter().map(Result::unwrap).collect();
    counted.sort_unstable();
    assert_eq!(counted, (3..23).collect::<Vec<_>>());
    for marked in marking.join_all().await {
        marked.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_for_a_count_leaves_the_connection_to_the_next() {
    let server = Mysqld::start();
    let store = patient(&server.url()).await;
    store.add(AddOne::new(counter())).await.unwrap();
    store.mark(mark()).await.unwrap();
    let mut watching = admin(&server).await;
    let connections = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'app' ORDER BY ID";
    let before: Vec<u64> = watching.query(connections).await.unwrap();
    for (round, expected) in [4, 7, 10].into_iter().enumerate() {
        let mut other = take_rows(&server).await;
        let adds = store.clone();
        let adding = tokio::spawn(async move { adds.add(AddOne::new(counter())).await });
        wait_for(&mut other, 1).await;
        adding.abort();
        assert!(adding.await.unwrap_err().is_cancelled());
        other.query_drop("COMMIT").await.unwrap();
        // What was sent is counted, and answered to nobody.
        while store.add(AddOne::new(counter())).await.unwrap() < expected {
            tokio::task::yield_now().await;
        }
        let now: Vec<u64> = watching.query(connections).await.unwrap();
        assert!(
            now.starts_with(&before),
            "round {round}: {now:?} after {before:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_come_to_one_counter_at_the_same_time_share_a_statement() {
    let server = Mysqld::start();
    let store = patient(&server.url()).await;
    store.add(AddOne::new(counter())).await.unwrap();
    store.mark(mark()).await.unwrap();
    let mut watching = admin(&server).await;
    let before = status(&mut watching, "Com_insert").await;
    // It adds one itself.
    let mut other = take_rows(&server).await;
    let mut adding = JoinSet::new();
    for _ in 0..100 {
        let store = store.clone();
        adding.spawn(async move { store.add(AddOne::new(counter())).await.unwrap() });
    }
    wait_for(&mut other, 1).await;
    // Those of another counter do not wait for them.
    let elsewhere = Counter::new(
        namespace(),
        Counted::from_bytes([8; Counted::LEN]),
        Timestamp::MAX,
    );
    let counted = timeout(BOUND, store.add(AddOne::new(elsewhere.clone()))).await;
    assert_eq!(counted.unwrap().unwrap(), 1);
    other.query_drop("COMMIT").await.unwrap();
    let mut counted = adding.join_all().await;
    counted.sort_unstable();
    assert_eq!(counted, (3..103).collect::<Vec<_>>());
    let statements = status(&mut watching, "Com_insert").await - before;
    assert!(statements < 30, "{statements} statements for 101 attempts");
    // As many are taken back, and never more than there are.
    let mut taking = JoinSet::new();
    for _ in 0..10 {
        let (store, elsewhere) = (store.clone(), elsewhere.clone());
        taking.spawn(async move { store.take_back(TakeBack::new(elsewhere)).await.unwrap() });
    }
    taking.join_all().await;
    assert_eq!(store.add(AddOne::new(elsewhere)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_others_at_a_counter_is_told_so() {
    let server = Mysqld::start();
    let options = MysqlOptions::default()
        .wait_timeout(Duration::from_millis(500))
        .operation_timeout(Duration::from_secs(3));
    let store = options.connect(&server.url()).await.unwrap();
    store.add(AddOne::new(counter())).await.unwrap();
    store.mark(mark()).await.unwrap();
    let mut other = take_rows(&server).await;
    let add = || {
        let store = store.clone();
        tokio::spawn(async move { store.add(AddOne::new(counter())).await })
    };
    let first = add();
    wait_for(&mut other, 1).await;
    let second = add();
    for (adding, says) in [
        (first, "operation_timeout"),
        (second, "those that came to the counter before"),
    ] {
        let error = adding.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains(says), "{error}");
    }
    other.query_drop("COMMIT").await.unwrap();
    timeout(BOUND * 2, store.add(AddOne::new(counter())))
        .await
        .unwrap()
        .unwrap();
}
