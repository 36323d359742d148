//! A store in memory, and nodes that have a near cache in front of it.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use cloakroom::stores::Cached;
use cloakroom::stores::cached::CachedOptions;
use cloakroom_store::{
    Delete, Deleted, Expect, Id, Load, Namespace, Owner, Principal, Record, Revision, Revoke, Scope, Store,
    Stored, Timestamp, Write, Written,
};

use crate::slow::Slow;

pub(crate) const STALENESS: Duration = Duration::from_secs(5);

/// One server with clients.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) store: Slow,
}

impl Stage {
    /// A process with a near cache of its own.
    pub(crate) fn node(&self) -> Cached {
        CachedOptions::default()
            .staleness(STALENESS)
            .around(self.store.clone())
    }
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("app").unwrap()
}

pub(crate) fn id(n: u32) -> Id {
    let mut bytes = [7; Id::LEN];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    Id::from_bytes(bytes)
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

pub(crate) fn record(body: &str) -> Record {
    Record::new(at(1000), at(1_000_000), body.as_bytes())
}

pub(crate) fn record_of(who: &str, body: &str) -> Record {
    record(body).with_principal(Some(Principal::new(who).unwrap()))
}

pub(crate) fn load(n: u32) -> Load {
    Load::new(namespace(), id(n))
}

/// What a load finds: the body as text.
pub(crate) async fn body(store: &impl Store, n: u32) -> Option<String> {
    store.load(load(n)).await.unwrap().map(|stored| text(&stored))
}

pub(crate) fn text(stored: &Stored) -> String {
    String::from_utf8(stored.record.body.to_vec()).unwrap()
}

pub(crate) async fn create(store: &impl Store, n: u32, record: Record) -> Revision {
    applied(write(store, n, Expect::Absent, record).await)
}

pub(crate) async fn rewrite(store: &impl Store, n: u32, seen: Revision, record: Record) -> Revision {
    applied(write(store, n, Expect::Revision(seen), record).await)
}

pub(crate) async fn write(store: &impl Store, n: u32, expect: Expect, record: Record) -> Written {
    store
        .write(Write::new(namespace(), id(n), expect, record))
        .await
        .unwrap()
}

pub(crate) fn applied(written: Written) -> Revision {
    match written {
        Written::Applied { revision, .. } => revision,
        other => panic!("expected it to be applied, found {other:?}"),
    }
}

pub(crate) async fn end(store: &impl Store, n: u32) -> Deleted {
    store
        .delete(Delete::new(namespace(), id(n), Owner::Any))
        .await
        .unwrap()
}

pub(crate) fn all_of(who: &str) -> Revoke {
    let principal = Principal::new(who).unwrap();
    let keep = None;
    Revoke::new(namespace(), Scope::Principal { principal, keep })
}

/// Begins something, as far as it comes without waiting, which must not be its end.
pub(crate) async fn begin<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "it waits");
        Poll::Ready(())
    })
    .await;
    future
}
