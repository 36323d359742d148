//! Sessions to keep, and moments to keep them until.

use std::time::{Duration, SystemTime};

use cloakroom::stores::Memcached;
use cloakroom_store::{
    Delete, Error, Expect, Id, Load, Namespace, Owner, Principal, Record, Revision, Store as _, Stored,
    Timestamp, Write, Written,
};

/// How long a verb may take, and what a busy machine adds.
pub(crate) const BOUND: Duration = Duration::from_millis(1500 + 1000);

pub(crate) fn namespace() -> Namespace {
    Namespace::new("shop:__Host-id").unwrap()
}

pub(crate) fn id(n: usize) -> Id {
    Id::from_bytes((n as u128).to_be_bytes())
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

pub(crate) fn in_hours(hours: u64) -> Timestamp {
    now().saturating_add(Duration::from_secs(3600 * hours))
}

pub(crate) fn record(body: impl AsRef<[u8]>) -> Record {
    Record::new(now(), in_hours(24), body.as_ref()).with_principal(Principal::new("alice").ok())
}

pub(crate) async fn load(store: &Memcached, n: usize) -> Result<Option<Stored>, Error> {
    store.load(Load::new(namespace(), id(n))).await
}

pub(crate) async fn write(
    store: &Memcached,
    n: usize,
    expect: Expect,
    record: Record,
) -> Result<Written, Error> {
    store.write(Write::new(namespace(), id(n), expect, record)).await
}

/// Creates a session, which must apply.
pub(crate) async fn create(store: &Memcached, n: usize, record: Record) -> Revision {
    match write(store, n, Expect::Absent, record).await.unwrap() {
        Written::Applied { revision, .. } => revision,
        other => panic!("expected session {n} to be written, found {other:?}"),
    }
}

pub(crate) fn delete(n: usize) -> Delete {
    Delete::new(namespace(), id(n), Owner::Any)
}
