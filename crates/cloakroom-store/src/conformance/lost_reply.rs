//! A reply that was lost: the caller settles it by loading, and the write counts once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, applied, id};
use super::rule::{Rule, rules};
use crate::{
    AnyStore, Capabilities, Count, Delete, Deleted, Error, ErrorKind, Expect, List, Load, Page, Record,
    Revoke, Revoked, Store, Stored, Sweep, Swept, Touch, Touched, Write, Written,
};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_write_whose_reply_was_lost_is_settled_by_loading,
        increments_whose_replies_are_lost_count_once,
    ]
}

async fn a_write_whose_reply_was_lost_is_settled_by_loading(store: Fixture) -> Held {
    let lossy = losing(&store, |_| Loss::Reply);
    let mut expect = Expect::Absent;
    for body in ["created", "rewritten", "rewritten again"] {
        let record = store.record(body);
        is_lost(&lossy, expect, &record).await?;
        let seen = store.loaded(id(1)).await?;
        same(
            "whether the record tells that the write was applied",
            &record,
            &seen.record,
        )?;
        // Sent again it is refused, and so cannot count twice.
        let again = store.write(id(1), expect, record.clone()).await?;
        same("the same write again", &Written::Refused, &again)?;
        store.keeps(id(1), seen.revision, &record).await?;
        expect = Expect::Revision(seen.revision);
    }
    // Where the request was lost instead, the record tells that as well, and sending it again counts.
    let lossy = losing(&store, |_| Loss::Request);
    let before = store.loaded(id(1)).await?;
    let record = store.record("sent again");
    is_lost(&lossy, expect, &record).await?;
    store.keeps(id(1), before.revision, &before.record).await?;
    let revision = applied(store.write(id(1), expect, record.clone()).await?)?;
    store.keeps(id(1), revision, &record).await
}

async fn is_lost(lossy: &Fixture, expect: Expect, record: &Record) -> Held {
    match lossy.write(id(1), expect, record.clone()).await {
        Err(_lost) => Ok(()),
        Ok(written) => Err(Failure::new(format!(
            "a write at {expect:?}: expected it to be applied, found {written:?}"
        ))),
    }
}

const WORKERS: usize = 6;
const TIMES: u8 = 20;

async fn increments_whose_replies_are_lost_count_once(store: Fixture) -> Held {
    for round in 0..2 {
        let store = store.nested(format!("-{round}"));
        let lossy = losing(&store, |write| match write % 4 {
            0 => Loss::Reply,
            1 => Loss::Request,
            _ => Loss::None,
        });
        store.create(id(1), &store.record([0; WORKERS])).await?;
        lossy
            .race(round, WORKERS, |store, worker| async move {
                for n in 0..TIMES {
                    increment(&store, worker, n).await?;
                }
                Ok(())
            })
            .await?;
        let counted = store.loaded(id(1)).await?.record.body;
        same("what was counted", &[TIMES; WORKERS].as_slice(), &&*counted)?;
    }
    Ok(())
}

/// Adds one to the worker's own counter, from `n`: by its own counter a worker knows its own write.
async fn increment(store: &Fixture, worker: usize, n: u8) -> Held {
    loop {
        let seen = store.loaded(id(1)).await?;
        let mut counters = seen.record.body.to_vec();
        let found = counters.get(worker).copied().unwrap_or_default();
        if found == n + 1 {
            return Ok(());
        }
        ensure(found == n, || {
            format!("the counter: expected {n} or one more, found {found}")
        })?;
        counters[worker] += 1;
        let record = store.record(&counters);
        // A lost answer and a refusal are settled alike: load again, and look for one's own write.
        if let Ok(written) = store.write(id(1), Expect::Revision(seen.revision), record).await
            && written != Written::Refused
        {
            return applied(written).map(drop);
        }
        tokio::task::yield_now().await;
    }
}

/// What a write loses on its way.
#[derive(Clone, Copy)]
enum Loss {
    None,
    Reply,
    Request,
}

fn losing(store: &Fixture, loss: fn(usize) -> Loss) -> Fixture {
    let mut lossy = store.clone();
    lossy.store = AnyStore::new(Lossy {
        store: store.store.clone(),
        writes: Arc::default(),
        loss,
    });
    lossy
}

/// A store whose writes, or the answers to them, get lost.
struct Lossy {
    store: AnyStore,
    writes: Arc<AtomicUsize>,
    loss: fn(usize) -> Loss,
}

impl Store for Lossy {
    async fn load(&self, request: Load) -> Result<Option<Stored>, Error> {
        self.store.load(request).await
    }

    async fn write(&self, request: Write) -> Result<Written, Error> {
        let lost = || Error::new(ErrorKind::Unavailable, "lost by the conformance suite");
        match (self.loss)(self.writes.fetch_add(1, Ordering::Relaxed)) {
            Loss::None => self.store.write(request).await,
            Loss::Request => Err(lost()),
            Loss::Reply => match self.store.write(request).await? {
                Written::Applied { .. } => Err(lost()),
                refused => Ok(refused),
            },
        }
    }

    async fn touch(&self, request: Touch) -> Result<Touched, Error> {
        self.store.touch(request).await
    }

    async fn delete(&self, request: Delete) -> Result<Deleted, Error> {
        self.store.delete(request).await
    }

    async fn list(&self, request: List) -> Result<Page, Error> {
        self.store.list(request).await
    }

    async fn count(&self, request: Count) -> Result<u64, Error> {
        self.store.count(request).await
    }

    async fn revoke(&self, request: Revoke) -> Result<Revoked, Error> {
        self.store.revoke(request).await
    }

    async fn sweep(&self, request: Sweep) -> Result<Swept, Error> {
        self.store.sweep(request).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.store.ping().await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
