//! What the tests of the cluster store do with it.

use std::time::Duration;

use cloakroom::stores::RedisCluster;
use cloakroom_store::{
    Delete, Deleted, Error, Expect, Id, List, Load, Namespace, Owner, Principal, Query, Record, Revision,
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

/// The key of a session.
pub(crate) fn key(n: u64) -> String {
    format!("cloakroom%test%s%{}", id(n))
}

pub(crate) fn principal(who: &str) -> Principal {
    Principal::new(who).unwrap()
}

/// A record of nobody that lives for a day.
pub(crate) fn record(body: &str) -> Record {
    let now = Timestamp::from(std::time::SystemTime::now());
    Record::new(now, now.saturating_add(Duration::from_hours(24)), body.as_bytes())
}

pub(crate) fn record_of(who: &str, body: &str) -> Record {
    record(body).with_principal(Some(principal(who)))
}

pub(crate) async fn write(
    store: &RedisCluster,
    n: u64,
    expect: Expect,
    record: Record,
) -> Result<Written, Error> {
    store.write(Write::new(namespace(), id(n), expect, record)).await
}

pub(crate) fn applied(written: Written) -> Revision {
    match written {
        Written::Applied { revision, .. } => revision,
        other => panic!("expected it to be applied, found {other:?}"),
    }
}

pub(crate) async fn load(store: &RedisCluster, n: u64) -> Result<Option<Stored>, Error> {
    store.load(Load::new(namespace(), id(n))).await
}

pub(crate) async fn delete(store: &RedisCluster, n: u64) -> Result<Deleted, Error> {
    store.delete(Delete::new(namespace(), id(n), Owner::Any)).await
}

/// Which sessions there are, in pages of this size.
pub(crate) async fn listed(store: &RedisCluster, query: Query, limit: usize) -> Vec<Id> {
    let mut list = List::new(namespace(), query, limit.try_into().unwrap());
    let mut ids = Vec::new();
    loop {
        let page = store.list(list.clone()).await.unwrap();
        ids.extend(page.entries.into_iter().map(|entry| entry.id));
        if page.next.is_none() {
            ids.sort();
            ids.dedup();
            return ids;
        }
        list = list.after(page.next);
    }
}
