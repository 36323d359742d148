//! Sign-ins of one user come one after the other, and nobody else waits for that.

use std::num::NonZeroU32;

use cloakroom_store::{
    Cap, ErrorKind, Expect, Principal, Revoke, Scope, Store as _, Timestamp, Write, Written,
};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{PATIENT, Store, client, create, id, in_time, load, namespace, record, record_of, with};

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
    let store = Store::connect(&server.url()).await.unwrap();
    let other = take_turn(&server).await;
    let error = in_time(store.write(sign_in(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    other.batch_execute("COMMIT").await.unwrap();
    assert!(load(&store, id(1)).await.unwrap().is_none());
}
