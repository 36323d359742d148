//! A store as a rule sees it: in a namespace of its own, with verbs that say what went wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::failure::{Failure, Held, same, same_record};
use crate::{
    AnyStore, Cap, Capabilities, Count, Cursor, Delete, Deleted, Entry, Error, Expect, Id, List, Load,
    Namespace, Owner, Page, Principal, Query, Record, Revision, Revoke, Revoked, Scope, Store, Stored, Sweep,
    Swept, Timestamp, Touch, Touched, Write, Written,
};

/// A store, and a namespace in it that nobody else uses.
#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) store: AnyStore,
    pub(super) namespace: Namespace,
    pub(super) card: Capabilities,
    /// The clock's time when the fixture was made. Everything a rule expects to live expires hours after it,
    /// because a store that expires by itself goes by a clock of its own.
    pub(super) now: Timestamp,
}

impl Fixture {
    pub(super) fn new(store: AnyStore) -> Self {
        Self {
            card: store.capabilities(),
            store,
            namespace: fresh_namespace(),
            now: SystemTime::now().into(),
        }
    }

    /// The same store, in a namespace of that name behind this one's.
    pub(super) fn nested(&self, name: impl std::fmt::Display) -> Self {
        Self {
            namespace: namespace(format!("{}{name}", self.namespace)),
            ..self.clone()
        }
    }

    /// The moment so many hours from now.
    pub(super) fn in_hours(&self, hours: u64) -> Timestamp {
        self.now.saturating_add(Duration::from_hours(hours))
    }

    /// A record of nobody with this body, created now, that lives for a day.
    pub(super) fn record(&self, body: impl AsRef<[u8]>) -> Record {
        Record::new(self.now, self.in_hours(24), body.as_ref())
    }

    /// A record of a principal, created so many milliseconds from now, that lives for a day.
    pub(super) fn record_of(&self, who: &str, begun: u64) -> Record {
        let created = self.now.saturating_add(Duration::from_millis(begun));
        Record::new(created, self.in_hours(24), who.as_bytes()).with_principal(Some(principal(who)))
    }
}

/// A namespace that nobody else uses.
pub(super) fn fresh_namespace() -> Namespace {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    namespace(format!(
        "conf-{:x}-{:x}-{}",
        process::id(),
        now.as_nanos(),
        NEXT.fetch_add(1, Ordering::Relaxed),
    ))
}

/// The verbs, with what was asked in the failure.
impl Fixture {
    pub(super) async fn load(&self, id: Id) -> Result<Option<Stored>, Failure> {
        let request = Load::new(self.namespace.clone(), id);
        self.store.load(request).await.map_err(|e| asked("load", e))
    }

    pub(super) async fn write(&self, id: Id, expect: Expect, record: Record) -> Result<Written, Failure> {
        self.write_capped(id, expect, record, Cap::None).await
    }

    /// Writes under a cap, judged now.
    pub(super) async fn write_capped(
        &self,
        id: Id,
        expect: Expect,
        record: Record,
        cap: Cap,
    ) -> Result<Written, Failure> {
        let request = Write::new(self.namespace.clone(), id, expect, record);
        self.submit(request.with_cap(cap, self.now)).await
    }

    /// Writes what was put together elsewhere.
    pub(super) async fn submit(&self, request: Write) -> Result<Written, Failure> {
        self.store.write(request).await.map_err(|e| asked("write", e))
    }

    pub(super) async fn touch(
        &self,
        id: Id,
        revision: Revision,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Touched, Failure> {
        let request = Touch::new(self.namespace.clone(), id, revision, last_seen, expires);
        self.store.touch(request).await.map_err(|e| asked("touch", e))
    }

    pub(super) async fn delete(&self, id: Id, owner: Owner) -> Result<Deleted, Failure> {
        let request = Delete::new(self.namespace.clone(), id, owner);
        self.store.delete(request).await.map_err(|e| asked("delete", e))
    }

    pub(super) async fn page(
        &self,
        query: &Query,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, Failure> {
        let request = List::new(self.namespace.clone(), query.clone(), at_most(limit)).after(after);
        self.store.list(request).await.map_err(|e| asked("list", e))
    }

    pub(super) async fn count(&self, query: &Query) -> Result<u64, Failure> {
        let request = Count::new(self.namespace.clone(), query.clone());
        self.store.count(request).await.map_err(|e| asked("count", e))
    }

    pub(super) async fn revoke(&self, scope: Scope) -> Result<Revoked, Failure> {
        let request = Revoke::new(self.namespace.clone(), scope);
        self.store.revoke(request).await.map_err(|e| asked("revoke", e))
    }

    /// Revokes some from a cursor on, which the store may refuse.
    pub(super) async fn revoke_after(
        &self,
        scope: Scope,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Revoked, Error> {
        let request = Revoke::new(self.namespace.clone(), scope)
            .at_most(at_most(limit))
            .after(after);
        self.store.revoke(request).await
    }

    pub(super) async fn sweep(&self, expired_before: Timestamp, limit: usize) -> Result<Swept, Failure> {
        let request = Sweep::new(self.namespace.clone(), expired_before, at_most(limit));
        self.store.sweep(request).await.map_err(|e| asked("sweep", e))
    }
}

/// What rules do with the verbs.
impl Fixture {
    /// Creates a session, which must apply.
    pub(super) async fn create(&self, id: Id, record: &Record) -> Result<Revision, Failure> {
        applied(self.write(id, Expect::Absent, record.clone()).await?)
    }

    /// Replaces a session at a revision, which must apply.
    pub(super) async fn rewrite(
        &self,
        id: Id,
        revision: Revision,
        record: &Record,
    ) -> Result<Revision, Failure> {
        applied(self.write(id, Expect::Revision(revision), record.clone()).await?)
    }

    /// Loads a session that must be there.
    pub(super) async fn loaded(&self, id: Id) -> Result<Stored, Failure> {
        let found = self.load(id).await?;
        found.ok_or_else(|| Failure::new(format!("load {id}: expected a record, found none")))
    }

    /// Holds when exactly this is kept.
    pub(super) async fn keeps(&self, id: Id, revision: Revision, record: &Record) -> Held {
        let found = self.loaded(id).await?;
        same_record(format!("the record of {id}"), record, &found.record)?;
        same(format!("the revision of {id}"), &revision, &found.revision)
    }

    /// Holds when nothing is kept.
    pub(super) async fn keeps_nothing(&self, id: Id) -> Held {
        same(format!("load {id}"), &None, &self.load(id).await?)
    }

    /// Which of these ids are kept.
    pub(super) async fn kept(
        &self,
        ids: impl IntoIterator<Item = Id> + Send,
    ) -> Result<BTreeSet<Id>, Failure> {
        let mut kept = BTreeSet::new();
        for id in ids.into_iter().collect::<Vec<_>>() {
            if self.load(id).await?.is_some() {
                kept.insert(id);
            }
        }
        Ok(kept)
    }

    /// Lists to the end, in pages of this size; what appeared twice appears as it was last seen.
    pub(super) async fn entries(&self, query: &Query, limit: usize) -> Result<BTreeMap<Id, Entry>, Failure> {
        let mut entries = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.page(query, after, limit).await?;
            entries.extend(page.entries.into_iter().map(|entry| (entry.id, entry)));
            after = page.next;
            if after.is_none() {
                return Ok(entries);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Which sessions a principal has, as the listing says.
    pub(super) async fn listed(&self, who: &str) -> Result<BTreeSet<Id>, Failure> {
        let query = Query::default().principal(principal(who));
        Ok(self.entries(&query, 100).await?.into_keys().collect())
    }
}

/// A session's id, one for every number.
pub(super) fn id(n: usize) -> Id {
    // An odd factor maps different numbers to different words, and spreads them like random ids.
    let word = (n as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; Id::LEN];
    bytes[..8].copy_from_slice(&word.to_be_bytes());
    bytes[8..].copy_from_slice(&word.rotate_left(29).to_be_bytes());
    Id::from_bytes(bytes)
}

/// A principal of this name.
pub(super) fn principal(who: &str) -> Principal {
    Principal::new(who).expect("the suite's principals are valid")
}

/// All sessions of a principal.
pub(super) fn all_of(who: &str) -> Scope {
    Scope::Principal {
        principal: principal(who),
        keep: None,
    }
}

/// A limit of live sessions.
pub(super) fn places(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("the suite's caps are not zero")
}

/// The revision of a write that must have applied, and ended nobody.
pub(super) fn applied(written: Written) -> Result<Revision, Failure> {
    match written {
        Written::Applied { revision, ended } if ended.is_empty() => Ok(revision),
        other => Err(Failure::new(format!(
            "a write: expected it to be applied and to end nobody, found {other:?}"
        ))),
    }
}

/// Whom a write that must have applied has ended.
pub(super) fn ended(written: Written) -> Result<Vec<Id>, Failure> {
    match written {
        Written::Applied { ended, .. } => Ok(ended),
        other => Err(Failure::new(format!(
            "a write: expected it to be applied, found {other:?}"
        ))),
    }
}

pub(super) fn namespace(name: String) -> Namespace {
    Namespace::new(name).expect("the suite's namespaces are valid")
}

fn at_most(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("the suite's limits are not zero")
}

fn asked(verb: &str, error: Error) -> Failure {
    Failure::from(error).during(verb)
}
