//! What goes wrong with a server: an error in time that says what to do, and recovery without a new store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom::stores::Postgres;
use cloakroom_store::conformance::Outage;
use cloakroom_store::{ErrorKind, Expect, Load, Store as _, Written};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{
    BOUND, client, create, delete, id, load, namespace, outage, record, record_of, recovered, with, write,
};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn terminated_connections_are_made_again() {
    let server = Server::start();
    let store = Postgres::connect(&server.url()).await.unwrap();
    let mut revision = create(&store, id(1), record(b"0")).await;
    let admin = client(&server).await;
    for round in 1..=5_u8 {
        let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cloakroom'";
        assert!(admin.query_one_scalar::<i64, _>(ended, &[]).await.unwrap() >= 1);
        recovered(&store).await;
        let found = load(&store, id(1)).await.unwrap().unwrap();
        assert_eq!(
            (found.revision, &*found.record.body),
            (revision, &[round - 1 + b'0'][..])
        );
        match write(&store, id(1), Expect::Revision(revision), record(&[round + b'0']))
            .await
            .unwrap()
        {
            Written::Applied { revision: next, .. } => revision = next,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_half_way_through_a_reply_gives_nobody_a_wrong_answer() {
    let server = Server::start();
    let proxy = Proxy::before(server.port()).await;
    let url =
        with(&server, "connections=1").replace(&format!(":{}", server.port()), &format!(":{}", proxy.port));
    let store = Postgres::connect(&url).await.unwrap();
    for n in 0..20 {
        create(&store, id(n), record(&[n; 2000])).await;
    }
    for round in 0..12 {
        recovered(&store).await;
        // In the first message, in the row, and in one of the replies behind it.
        proxy.cut_after(1 + round * 977);
        let mut loading = tokio::task::JoinSet::new();
        for n in 0..20 {
            let store = store.clone();
            loading.spawn(async move { (n, load(&store, id(n)).await) });
        }
        let mut failed = 0;
        while let Some(loaded) = loading.join_next().await {
            match loaded.unwrap() {
                (n, Ok(found)) => assert_eq!(&*found.expect("it is there").record.body, &[n; 2000]),
                (_, Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                    failed += 1;
                }
            }
        }
        assert!(proxy.has_cut() && failed > 0, "round {round}: nothing was cut");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answered_write_is_lost_when_the_server_is_killed_in_the_middle() {
    let server = Arc::new(Server::start());
    let store = Postgres::connect(&server.url()).await.unwrap();
    let acknowledged: Arc<Vec<AtomicU64>> = Arc::new((0..8).map(|_| AtomicU64::new(0)).collect());
    for round in 0..3 {
        recovered(&store).await;
        let mut writing = tokio::task::JoinSet::new();
        for n in 0..8_u8 {
            let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
            writing.spawn(async move {
                loop {
                    let Ok(seen) = load(&store, id(n)).await else {
                        return;
                    };
                    let expect = seen
                        .as_ref()
                        .map_or(Expect::Absent, |seen| Expect::Revision(seen.revision));
                    let count = seen.map_or(0, |seen| {
                        u64::from_le_bytes(seen.record.body[..8].try_into().unwrap())
                    });
                    match write(
                        &store,
                        id(n),
                        expect,
                        record_of("alice", &(count + 1).to_le_bytes()),
                    )
                    .await
                    {
                        Ok(Written::Applied { .. }) => {
                            acknowledged[usize::from(n)].store(count + 1, Ordering::SeqCst);
                        }
                        Ok(other) => panic!("nobody else writes: {other:?}"),
                        Err(error) => return assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
                    }
                }
            });
        }
        let mut looking = tokio::time::interval(Duration::from_millis(2));
        let before: u64 = acknowledged
            .iter()
            .map(|count| count.load(Ordering::SeqCst))
            .sum();
        while acknowledged
            .iter()
            .map(|count| count.load(Ordering::SeqCst))
            .sum::<u64>()
            < before + 100
        {
            looking.tick().await;
        }
        outage(Arc::clone(&server), Outage::Stop).await;
        writing.join_all().await;
        outage(Arc::clone(&server), Outage::Start).await;
        recovered(&store).await;
        let mut lost = 0;
        for n in 0..8_u8 {
            let found = load(&store, id(n)).await.unwrap().unwrap();
            let found = u64::from_le_bytes(found.record.body[..8].try_into().unwrap());
            lost += acknowledged[usize::from(n)]
                .load(Ordering::SeqCst)
                .saturating_sub(found);
        }
        let total: u64 = acknowledged
            .iter()
            .map(|count| count.load(Ordering::SeqCst))
            .sum();
        println!("round {round}: {total} acknowledged writes, {lost} lost");
        assert_eq!(lost, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_holds_up_nobody_and_is_not_flooded_afterwards() {
    let server = Arc::new(Server::start());
    let store = Postgres::connect(&server.url()).await.unwrap();
    create(&store, id(1), record(b"there")).await;
    outage(Arc::clone(&server), Outage::Pause).await;
    let mut loading = tokio::task::JoinSet::new();
    for _ in 0..3000 {
        let store = store.clone();
        loading.spawn(async move {
            tokio::time::timeout(BOUND * 2, store.load(Load::new(namespace(), id(1)))).await
        });
    }
    for loaded in loading.join_all().await {
        let error = loaded.expect("a call has a bound").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    outage(Arc::clone(&server), Outage::Resume).await;
    recovered(&store).await;
    assert!(load(&store, id(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_became_read_only_says_what_to_do() {
    let server = Server::start();
    let store = Postgres::connect(&server.url()).await.unwrap();
    create(&store, id(1), record(b"there")).await;
    let admin = client(&server).await;
    let becomes = async |value: &str| {
        admin
            .execute(
                &format!("ALTER SYSTEM SET default_transaction_read_only = {value}"),
                &[],
            )
            .await
            .unwrap();
        admin.execute("SELECT pg_reload_conf()", &[]).await.unwrap();
    };
    becomes("on").await;
    let mut looking = tokio::time::interval(Duration::from_millis(10));
    let error = loop {
        looking.tick().await;
        if let Err(error) = store.ping().await {
            break error;
        }
    };
    assert!(
        error.to_string().contains("target_session_attrs=read-write"),
        "{error}"
    );
    // Each backend takes a change up before its next statement or the one after.
    let error = loop {
        looking.tick().await;
        if let Err(error) = write(&store, id(2), Expect::Absent, record(b"refused")).await {
            break error;
        }
        delete(&store, id(2)).await.ok();
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("read-only"), "{error}");
    cloakroom_testbed::note(
        "the server only reads: a replica, or told to",
        "PostgreSQL",
        &format!("writes: \"{error}\"; reads go on"),
    );
    assert!(load(&store, id(1)).await.unwrap().is_some(), "reading goes on");
    becomes("off").await;
    recovered(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_connections_left_is_waited_for() {
    let server = Server::start_with(&[
        "max_connections=8",
        "superuser_reserved_connections=0",
        "max_wal_senders=0",
    ]);
    let store = Postgres::connect(&with(&server, "connections=2")).await.unwrap();
    create(&store, id(1), record(b"there")).await;
    let mut others = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await {
        tokio::spawn(connection);
        others.push(client);
    }
    let error = crate::fixture::refused(&server.url()).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("max_connections"), "{error}");
    assert!(
        load(&store, id(1)).await.unwrap().is_some(),
        "who is connected goes on"
    );
    drop(others);
    recovered(&store).await;
}
