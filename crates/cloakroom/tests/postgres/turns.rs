//! Sign-ins of one user, attempts at it and marks come one after the other, and nobody else waits for that.

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use cloakroom_store::{
    AddOne, Cap, Counted, Counter, Counters as _, ErrorKind, Expect, List, Mark, Marks as _, Principal,
    Query, Revoke, Scope, SetMark, Store as _, Subject, TakeBack, Timestamp, Write, Written,
};
use cloakroom_testbed::postgres::Postgres as Server;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::fixture::{
    PATIENT, Store, client, create, id, in_time, load, namespace, patient, record, record_of, with,
};

fn sign_in(n: u8) -> Write {
    let write = Write::new(namespace(), id(n), Expect::Absent, record_of("alice", b"new"));
    write.with_cap(Cap::Refuse(NonZeroU32::MIN), Timestamp::from_unix_millis(1))
}

/// Somebody else has alice's turn.
async fn take_turn(server: &Server) -> tokio_postgres::Client {
    let other = client(server).await;
    let names = "encode('test', 'hex') || ' ' || encode('alice', 'hex')";
    let lock =
        format!("SELECT pg_advisory_xact_lock(hashtextextended('cloakroom principal ' || {names}, 0))");
    other.batch_execute(&format!("BEGIN; {lock}")).await.unwrap();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_turn_holds_up_nobody_on_the_same_connection() {
    let server = Server::start();
    let store = Store::connect(&with(&server, &format!("{PATIENT}&connections=1")))
        .await
        .unwrap();
    create(&store, id(1), record(b"somebody's")).await;
    let other = take_turn(&server).await;
    let all = Scope::Principal {
        principal: Principal::new("alice").unwrap(),
        keep: None,
    };
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.write(sign_in(2)).await }
    });
    let revoking = tokio::spawn({
        let store = store.clone();
        async move { store.revoke(Revoke::new(namespace(), all)).await }
    });
    for _ in 0..50 {
        assert!(load(&store, id(1)).await.unwrap().is_some());
    }
    assert!(!waiting.is_finished() && !revoking.is_finished());
    other.batch_execute("COMMIT").await.unwrap();
    assert!(matches!(waiting.await.unwrap(), Ok(Written::Applied { .. })));
    revoking.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_never_comes_is_an_outage_and_nothing_is_written() {
    let server = Server::start();
    let store = Store::connect(&with(&server, "connections=1")).await.unwrap();
    let other = take_turn(&server).await;
    let error = in_time(store.write(sign_in(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // The last time that it asked may still be under way: on this connection, it is answered before this.
    load(&store, id(2)).await.unwrap();
    other.batch_execute("COMMIT").await.unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_none());
}

fn counter() -> Counter {
    Counter::new(
        namespace(),
        Counted::from_bytes([7; Counted::LEN]),
        Timestamp::from_unix_millis(1_000_000),
    )
}

fn mark() -> SetMark {
    let (begun_before, until) = (
        Timestamp::from_unix_millis(1000),
        Timestamp::from_unix_millis(1_000_000),
    );
    SetMark::new(namespace(), Mark::new(Subject::Everyone, begun_before, until))
}

/// Somebody else has the row of the counter, and the one that numbers marks.
pub(crate) async fn take_rows(server: &Server) -> tokio_postgres::Client {
    let other = client(server).await;
    let text = "BEGIN; UPDATE cloakroom_counters SET times = times; UPDATE cloakroom_mark_numbers SET latest = latest";
    other.batch_execute(text).await.unwrap();
    other
}

/// Waits until a statement waits for a row.
pub(crate) async fn somebody_waits(other: &tokio_postgres::Client) {
    let mut looking = tokio::time::interval(Duration::from_millis(5));
    while waiting(other).await == 0 {
        looking.tick().await;
    }
}

/// How many statements wait for a row.
async fn waiting(other: &tokio_postgres::Client) -> i64 {
    // Within a transaction it would see the same again.
    other
        .batch_execute("SELECT pg_stat_clear_snapshot()")
        .await
        .unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    other.query_one_scalar(waiting, &[]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_counts_or_marks_holds_up_nobody_on_the_same_connection() {
    let server = Server::start();
    let store = Store::connect(&with(&server, &format!("{PATIENT}&connections=1")))
        .await
        .unwrap();
    create(&store, id(1), record(b"somebody's")).await;
    assert_eq!(store.add(AddOne::new(counter())).await.unwrap(), 1);
    store.mark(mark()).await.unwrap();
    let other = take_rows(&server).await;
    let (mut adding, mut rest) = (JoinSet::new(), JoinSet::new());
    for _ in 0..20 {
        let (adds, marks) = (store.clone(), store.clone());
        adding.spawn(async move { adds.add(AddOne::new(counter())).await });
        rest.spawn(async move { marks.mark(mark()).await.map(drop) });
    }
    somebody_waits(&other).await;
    let takes = store.clone();
    rest.spawn(async move { takes.take_back(TakeBack::new(counter())).await });
    for _ in 0..50 {
        assert!(load(&store, id(1)).await.unwrap().is_some());
    }
    assert!(adding.try_join_next().is_none() && rest.try_join_next().is_none());
    other.batch_execute("COMMIT").await.unwrap();
    let mut counted: Vec<u64> = adding.join_all().await.into_iter().map(Result::unwrap).collect();
    rest.join_all().await.into_iter().for_each(Result::unwrap);
    counted.sort_unstable();
    // Each is counted once; the one that is taken back comes before, between or after them.
    assert!(
        counted.iter().all(|times| (1..=21).contains(times)),
        "{counted:?}"
    );
    assert_eq!(store.add(AddOne::new(counter())).await.unwrap(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_count_at_the_same_time_share_a_statement() {
    let server = Server::start();
    let store = patient(&server).await;
    store.add(AddOne::new(counter())).await.unwrap();
    store.mark(mark()).await.unwrap();
    let watching = client(&server).await;
    watching
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .unwrap();
    let other = take_rows(&server).await;
    let mut adding = JoinSet::new();
    for n in 0..200_u8 {
        let store = store.clone();
        // Half of them at one counter, the others each at its own.
        let counted = Counted::from_bytes([7 + n.saturating_sub(100); Counted::LEN]);
        let counter = Counter::new(namespace(), counted, Timestamp::from_unix_millis(1_000_000));
        adding.spawn(async move { (counted, store.add(AddOne::new(counter)).await.unwrap()) });
    }
    somebody_waits(&other).await;
    other.batch_execute("COMMIT").await.unwrap();
    let mut seen = adding.join_all().await;
    seen.sort_unstable();
    let mut expected: Vec<_> = (2..=102).map(|times| (7, times)).collect();
    expected.extend((8..107).map(|counted| (counted, 1)));
    let seen: Vec<_> = seen
        .iter()
        .map(|(counted, times)| (counted.as_bytes()[0], *times))
        .collect();
    assert_eq!(seen, expected);
    let calls = "SELECT sum(calls)::bigint FROM pg_stat_statements WHERE query LIKE '%INTO cloakroom_counters%' AND toplevel";
    let calls: i64 = watching.query_one_scalar(calls, &[]).await.unwrap();
    assert!(calls < 50, "{calls} statements for 201 attempts");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_for_a_mark_leaves_the_connection_to_the_next() {
    let server = Server::start();
    let store = Store::connect(&with(&server, &format!("{PATIENT}&connections=1")))
        .await
        .unwrap();
    store.mark(mark()).await.unwrap();
    let watching = client(&server).await;
    let processes = async || -> Vec<i32> {
        let text =
            "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE application_name = 'cloakroom'";
        watching.query_one_scalar(text, &[]).await.unwrap()
    };
    let before = processes().await;
    for round in 0..3 {
        let other = take_rows(&server).await;
        let marking = tokio::spawn({
            let store = store.clone();
            async move { store.mark(mark()).await }
        });
        somebody_waits(&other).await;
        marking.abort();
        assert!(marking.await.unwrap_err().is_cancelled());
        other.batch_execute("COMMIT").await.unwrap();
        store.mark(mark()).await.unwrap();
        assert_eq!(processes().await, before, "round {round}: another connection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_for_a_count_takes_nobody_elses_along() {
    let server = Server::start();
    let store = patient(&server).await;
    store.add(AddOne::new(counter())).await.unwrap();
    store.mark(mark()).await.unwrap();
    let other = take_rows(&server).await;
    let add = || {
        let store = store.clone();
        tokio::spawn(async move { store.add(AddOne::new(counter())).await })
    };
    let sent = add();
    somebody_waits(&other).await;
    let (waiting, stays) = (add(), add());
    for given_up in [sent, waiting] {
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
    }
    other.batch_execute("COMMIT").await.unwrap();
    // What was sent is counted, and told nobody; what waited here is not.
    assert_eq!(stays.await.unwrap().unwrap(), 3);
}

#[test]
fn a_runtime_that_ends_takes_nobodys_count_along() {
    let server = Server::start();
    let lasting = Runtime::new().unwrap();
    let store = lasting.block_on(patient(&server));
    let add = || AddOne::new(counter());
    for _ in 0..3 {
        // It asks, and is gone before anything runs that it has begun.
        let brief = Builder::new_current_thread().enable_all().build().unwrap();
        brief.block_on(async {
            let mut asking = pin!(store.add(add()));
            poll_fn(|context| Poll::Ready(asking.as_mut().poll(context).is_ready())).await
        });
        drop(brief);
        assert!(lasting.block_on(store.add(add())).unwrap() > 0);
        lasting
            .block_on(store.take_back(TakeBack::new(counter())))
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_for_a_long_list_leaves_others_time_for_theirs() {
    let server = Server::start();
    let times = "connect_timeout=20s&wait_timeout=2s&operation_timeout=20s&connections=1";
    let store = Store::connect(&with(&server, times)).await.unwrap();
    let list = || {
        let store = store.clone();
        let list = List::new(namespace(), Query::default(), 10.try_into().unwrap());
        tokio::spawn(async move { store.list(list).await })
    };
    // Now all connections are there.
    list().await.unwrap().unwrap();
    let other = client(&server).await;
    other
        .batch_execute("BEGIN; LOCK TABLE cloakroom_sessions")
        .await
        .unwrap();
    let given_up = list();
    somebody_waits(&other).await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    let next = list();
    // It comes to wait for the table, too, and not only for the connection.
    let mut looking = tokio::time::interval(Duration::from_millis(5));
    while waiting(&other).await < 2 && !next.is_finished() {
        looking.tick().await;
    }
    other.batch_execute("COMMIT").await.unwrap();
    next.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_takes_longer_than_a_call_may_wait_is_there_for_the_next() {
    let server = Server::start();
    let times = "connect_timeout=20s&wait_timeout=1ms&operation_timeout=20s";
    let store = Store::connect(&with(&server, times)).await.unwrap();
    // No server takes a password and answers within a millisecond.
    let error = store.add(AddOne::new(counter())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("within wait_timeout"), "{error}");
    let mut trying = tokio::time::interval(Duration::from_millis(20));
    let counted = async {
        loop {
            trying.tick().await;
            if let Ok(times) = store.add(AddOne::new(counter())).await {
                return times;
            }
        }
    };
    let counted = tokio::time::timeout(Duration::from_secs(60), counted).await;
    assert_eq!(counted.expect("it is opened all the same"), 1);
}
