//! What the tests of the redis store do with it.

use std::future::Future;
use std::time::{Duration, Instant};

use cloakroom::stores::Redis;
use cloakroom_store::{
    Delete, Deleted, Error, ErrorKind, Expect, Id, Load, Namespace, Owner, Principal, Record, Revision,
    Store, Stored, Timestamp, Write, Written,
};

/// How long a call may take by default, and a little for a busy machine.
pub(crate) const BOUND: Duration = Duration::from_millis(1500 + 500);

pub(crate) fn namespace() -> Namespace {
    Namespace::new("test").unwrap()
}

pub(crate) fn id(n: u64) -> Id {
    let mut bytes = [0; Id::LEN];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

pub(crate) fn principal(who: &str) -> Principal {
    Principal::new(who).unwrap()
}

/// A record of a principal that lives for a day.
pub(crate) fn record(who: &str, body: impl AsRef<[u8]>) -> Record {
    let now = Timestamp::from(std::time::SystemTime::now());
    let expires = now.saturating_add(Duration::from_secs(86_400));
    Record::new(now, expires, body.as_ref()).with_principal(Some(principal(who)))
}

pub(crate) async fn write(store: &Redis, n: u64, expect: Expect, record: Record) -> Result<Written, Error> {
    store.write(Write::new(namespace(), id(n), expect, record)).await
}

/// Begins a session that must not be there yet.
pub(crate) async fn create(store: &Redis, n: u64, who: &str) -> Revision {
    let written = write(store, n, Expect::Absent, record(who, "body")).await;
    applied(written.unwrap())
}

pub(crate) fn applied(written: Written) -> Revision {
    match written {
        Written::Applied { revision, .. } => revision,
        other => panic!("expected it to be applied, found {other:?}"),
    }
}

pub(crate) async fn load(store: &Redis, n: u64) -> Result<Option<Stored>, Error> {
    store.load(Load::new(namespace(), id(n))).await
}

pub(crate) async fn delete(store: &Redis, n: u64) -> Result<Deleted, Error> {
    store.delete(Delete::new(namespace(), id(n), Owner::Any)).await
}

/// The error that a call must answer, within its bound.
pub(crate) async fn fails<T: std::fmt::Debug>(
    kind: ErrorKind,
    call: impl Future<Output = Result<T, Error>>,
) -> String {
    let begun = Instant::now();
    let error = call.await.expect_err("it cannot be done");
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(begun.elapsed() < BOUND, "{:?}: {text}", begun.elapsed());
    text
}

/// Waits until a store answers again, and says how long that took.
pub(crate) async fn recovered(store: &Redis) -> Duration {
    let begun = Instant::now();
    let mut asking = tokio::time::interval(Duration::from_millis(10));
    // Each of the connections that take turns.
    let mut answered = 0;
    while answered < 4 {
        asking.tick().await;
        answered = match store.ping().await {
            Ok(()) => answered + 1,
            Err(_) => 0,
        };
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not recover");
    }
    begun.elapsed()
}
