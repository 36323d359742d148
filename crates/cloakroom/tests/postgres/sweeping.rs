//! A sweep says that something is left when something is: on another node's turn, and where a row is locked.

use cloakroom::stores::Postgres;
use cloakroom_store::{Store as _, Sweep, Timestamp};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{client, create, id, namespace, record, with};

/// After the expiry of every record.
const LATER: Timestamp = Timestamp::from_unix_millis(2_000_000);

async fn sweep(store: &Postgres) -> (u64, bool) {
    let swept = store.sweep(Sweep::new(namespace(), LATER, 10.try_into().unwrap()));
    let swept = swept.await.unwrap();
    (swept.removed, swept.more)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_to_another_node_is_left() {
    let server = Server::start();
    let store = Postgres::connect(&with(&server, crate::fixture::PATIENT))
        .await
        .unwrap();
    for n in 1..=3 {
        create(&store, id(n), record(b"old")).await;
    }
    let other = client(&server).await;
    let key = "hashtextextended('cloakroom sweep ' || encode('test', 'hex'), 0)";
    other
        .batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({key})"))
        .await
        .unwrap();
    assert_eq!(sweep(&store).await, (0, true));
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(sweep(&store).await, (3, false));
    assert_eq!(sweep(&store).await, (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_locked_is_left() {
    let server = Server::start();
    let store = Postgres::connect(&with(&server, crate::fixture::PATIENT))
        .await
        .unwrap();
    for n in 1..=3 {
        create(&store, id(n), record(b"old")).await;
    }
    let other = client(&server).await;
    let lock =
        "BEGIN; SELECT id FROM cloakroom_sessions WHERE id = decode(repeat('02', 16), 'hex') FOR UPDATE";
    other.batch_execute(lock).await.unwrap();
    assert_eq!(sweep(&store).await, (2, true));
    assert_eq!(sweep(&store).await, (0, true));
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(sweep(&store).await, (1, false));
}
