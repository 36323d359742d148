//! What the tests of this store share: a server of their own, and short requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom::stores::postgres::PostgresOptions;
use cloakroom_store::conformance::Outage;
use cloakroom_store::{
    Delete, Error, Expect, Id, Load, Namespace, Owner, Principal, Record, Revision, Store as _, Stored,
    Timestamp, Write, Written,
};
use cloakroom_testbed::postgres::Postgres as Server;

/// What `wait_timeout` and `operation_timeout` bound, by default, and some for a busy machine.
pub(crate) const BOUND: Duration = Duration::from_millis(1500 + 500);

/// For tests about what is answered, and not how fast a busy machine answers.
pub(crate) const PATIENT: &str = "connect_timeout=20s&wait_timeout=20s&operation_timeout=20s";

pub(crate) type Store = cloakroom::stores::Postgres;

/// A server that is killed, paused and given back as the suite says.
pub(crate) async fn outage(server: Arc<Server>, outage: Outage) {
    let done = tokio::task::spawn_blocking(move || match outage {
        Outage::Stop => server.stop(),
        Outage::Start => server.start_again(),
        Outage::Pause => server.pause(),
        Outage::Resume => server.resume(),
    });
    done.await.unwrap();
}

/// A server's URL with these options.
pub(crate) fn with(server: &Server, options: &str) -> String {
    format!("{}?{options}", server.url())
}

/// A store that waits longer than any machine is busy.
pub(crate) async fn patient(server: &Server) -> Store {
    Store::connect(&with(server, PATIENT)).await.unwrap()
}

/// A connection of the test's own, to see what the store did.
pub(crate) async fn client(server: &Server) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// The error of a connection that must be refused.
pub(crate) async fn refused(url: &str) -> Error {
    PostgresOptions::default()
        .connect(url)
        .await
        .map(drop)
        .unwrap_err()
}

/// What a verb answers, which must be within the bound.
pub(crate) async fn in_time<T>(verb: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, verb)
        .await
        .expect("a verb answers within its bound")
}

/// Asks until the store answers again.
pub(crate) async fn recovered(store: &Store) {
    let begun = Instant::now();
    let mut asking = tokio::time::interval(Duration::from_millis(20));
    while let Err(error) = in_time(store.ping()).await {
        let waited = begun.elapsed();
        assert!(
            waited < Duration::from_secs(30),
            "the store did not recover: {error:?}"
        );
        asking.tick().await;
    }
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("test").unwrap()
}

pub(crate) fn id(n: u8) -> Id {
    Id::from_bytes([n; 16])
}

pub(crate) fn record(body: &[u8]) -> Record {
    Record::new(
        Timestamp::from_unix_millis(1000),
        Timestamp::from_unix_millis(1_000_000),
        body,
    )
}

pub(crate) fn record_of(who: &str, body: &[u8]) -> Record {
    record(body).with_principal(Some(Principal::new(who).unwrap()))
}

pub(crate) async fn load(store: &Store, id: Id) -> Result<Option<Stored>, Error> {
    in_time(store.load(Load::new(namespace(), id))).await
}

pub(crate) async fn write(store: &Store, id: Id, expect: Expect, record: Record) -> Result<Written, Error> {
    in_time(store.write(Write::new(namespace(), id, expect, record))).await
}

pub(crate) async fn create(store: &Store, id: Id, record: Record) -> Revision {
    match write(store, id, Expect::Absent, record).await {
        Ok(Written::Applied { revision, .. }) => revision,
        other => panic!("a creation: {other:?}"),
    }
}

pub(crate) async fn delete(store: &Store, id: Id) -> Result<cloakroom_store::Deleted, Error> {
    in_time(store.delete(Delete::new(namespace(), id, Owner::Any))).await
}
