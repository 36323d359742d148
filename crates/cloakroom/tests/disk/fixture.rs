//! Sessions to keep, and the verbs in few words.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use cloakroom::stores::Disk;
use cloakroom_store::{
    Cap, Error, ErrorKind, Expect, Id, Label, List, Load, Namespace, Principal, Query, Record, Revision,
    Store, Stored, Timestamp, Write, Written,
};

/// The file in a store's directory.
pub(crate) const FILE: &str = "sessions.redb";

pub(crate) fn namespace() -> Namespace {
    Namespace::new("app/__Host-session").unwrap()
}

pub(crate) fn id(n: u64) -> Id {
    let mut bytes = [0; Id::LEN];
    bytes[..8].copy_from_slice(
        &n.wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

pub(crate) fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000).saturating_add(Duration::from_secs(seconds))
}

pub(crate) fn principal(who: &str) -> Principal {
    Principal::new(who).unwrap()
}

/// A session of nobody that expires after an hour.
pub(crate) fn record(body: impl AsRef<[u8]>) -> Record {
    Record::new(moment(0), moment(3600), body.as_ref())
}

/// A session with everything that can be kept.
pub(crate) fn record_of(who: &str, body: impl AsRef<[u8]>) -> Record {
    record(body)
        .with_principal(Some(principal(who)))
        .with_label(Some(Label::new("Firefox on Linux")))
        .with_last_seen(moment(60))
}

pub(crate) async fn write(store: &Disk, id: Id, expect: Expect, record: Record) -> Result<Written, Error> {
    store.write(Write::new(namespace(), id, expect, record)).await
}

/// Writes a session that must not be there yet.
pub(crate) async fn create(store: &Disk, id: Id, record: Record) -> Revision {
    applied(write(store, id, Expect::Absent, record).await.unwrap())
}

/// Begins a session of a principal who may have so many.
pub(crate) async fn sign_in(store: &Disk, id: Id, who: &str, cap: Cap) -> Written {
    let write = Write::new(namespace(), id, Expect::Absent, record_of(who, "")).with_cap(cap, moment(1));
    store.write(write).await.unwrap()
}

pub(crate) async fn load(store: &Disk, id: Id) -> Result<Option<Stored>, Error> {
    store.load(Load::new(namespace(), id)).await
}

pub(crate) async fn listed(store: &Disk, query: Query) -> Vec<Id> {
    let mut ids = Vec::new();
    let mut list = List::new(namespace(), query, NonZeroUsize::MIN.saturating_add(99));
    loop {
        let page = store.list(list.clone()).await.unwrap();
        ids.extend(page.entries.into_iter().map(|entry| entry.id));
        if page.next.is_none() {
            ids.sort();
            return ids;
        }
        list = list.after(page.next);
    }
}

pub(crate) fn applied(written: Written) -> Revision {
    match written {
        Written::Applied { revision, .. } => revision,
        other => panic!("expected it to be applied, found {other:?}"),
    }
}

/// Fills a store with this many sessions, and leaves it closed.
pub(crate) async fn filled(directory: &Path, sessions: u64) {
    let store = Disk::open(directory).await.unwrap();
    fill(&store, sessions).await;
    store.close().await.unwrap();
}

/// Fills a store with this many sessions.
pub(crate) async fn fill(store: &Disk, sessions: u64) {
    let mut writing = tokio::task::JoinSet::new();
    for n in 0..sessions {
        let store = store.clone();
        writing.spawn(async move { create(&store, id(n), filling(n)).await });
    }
    writing.join_all().await;
}

/// What [`fill`] wrote.
pub(crate) fn filling(n: u64) -> Record {
    record_of(&format!("user {}", n % 10), n.to_be_bytes().repeat(50))
}

/// Why a directory was refused: of this kind, and in words that name the path.
pub(crate) async fn refused(directory: &Path, kind: ErrorKind, named: &Path) -> String {
    let error = Disk::open(directory).await.expect_err("it is refused");
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(text.contains(named.to_str().unwrap()), "{text:?} names {named:?}");
    text
}
