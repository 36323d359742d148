//! What survives that a store's process is killed, as its card says.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::ending::{Ending, is_gone};
use super::failure::{Failure, Held, ensure, same, same_record};
use super::fixture::{Fixture, all_of, applied, id, places};
use super::rule::Rule;
use crate::{
    AnyCounters, AnyMarks, AnyStore, Cap, Counters, Deleted, Expect, Label, Marks, Owner, Query, Record,
    Revision, Revoked, Store, Touched, Written,
};

type Opening<Subject> = Pin<Box<dyn Future<Output = Subject> + Send>>;

/// A store that can be killed and opened again over what it kept.
pub struct Restarts<Subject = AnyStore>(Arc<dyn Fn() -> Opening<Subject> + Send + Sync>);

impl Restarts {
    /// Opens the store with `open`, every time over the same data.
    ///
    /// A call ends the store that the call before has opened, as hard as it can be done: kill its server, or
    /// open a copy of its files that was taken while it still ran. The suite has dropped the old one by then.
    pub fn new<Opens, Opened, S>(open: Opens) -> Self
    where
        Opens: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = S> + Send + 'static,
        S: Store,
    {
        Self(Arc::new(move || {
            let opening = open();
            Box::pin(async move { AnyStore::new(opening.await) })
        }))
    }

    async fn begin(&self) -> Fixture {
        Fixture::new((self.0)().await)
    }

    /// Kills the store and opens it again.
    async fn restart(&self, before: Fixture) -> Fixture {
        let Fixture {
            store,
            namespace,
            now,
            ..
        } = before;
        drop(store);
        let again = self.begin().await;
        Fixture {
            namespace,
            now,
            ..again
        }
    }
}

impl Restarts<AnyMarks> {
    /// As [`new`](Restarts::new), for what keeps marks.
    pub fn of_marks<Opens, Opened, M>(open: Opens) -> Self
    where
        Opens: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = M> + Send + 'static,
        M: Marks,
    {
        Self(Arc::new(move || {
            let opening = open();
            Box::pin(async move { AnyMarks::new(opening.await) })
        }))
    }

    /// Opens it, or kills what was opened before and opens it again.
    pub(super) async fn open(&self) -> AnyMarks {
        (self.0)().await
    }
}

impl Restarts<AnyCounters> {
    /// As [`new`](Restarts::new), for what counts.
    pub fn of_counters<Opens, Opened, C>(open: Opens) -> Self
    where
        Opens: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = C> + Send + 'static,
        C: Counters,
    {
        Self(Arc::new(move || {
            let opening = open();
            Box::pin(async move { AnyCounters::new(opening.await) })
        }))
    }

    /// Opens it, or kills what was opened before and opens it again.
    pub(super) async fn open(&self) -> AnyCounters {
        (self.0)().await
    }
}

impl<Subject> Clone for Restarts<Subject> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Subject> fmt::Debug for Restarts<Subject> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Restarts")
    }
}

pub(super) fn rules() -> Vec<Rule<Restarts>> {
    vec![
        Rule::new("a_restarted_store_works", a_restarted_store_works),
        Rule::new(
            "an_answered_write_survives_a_restart",
            an_answered_write_survives_a_restart,
        ),
        Rule::new(
            "what_was_ended_stays_dead_over_a_restart",
            what_was_ended_stays_dead_over_a_restart,
        ),
        Rule::new(
            "no_revision_comes_again_after_a_restart",
            no_revision_comes_again_after_a_restart,
        ),
        Rule::new(
            "the_index_survives_a_restart_with_the_records",
            the_index_survives_a_restart_with_the_records,
        ),
        Rule::new(
            "a_touch_survives_a_restart_whole_or_not_at_all",
            a_touch_survives_a_restart_whole_or_not_at_all,
        ),
    ]
}

/// Whatever the card promises: what is left is whole, the index agrees, and the store takes writes.
async fn a_restarted_store_works(restarts: Restarts) -> Held {
    let store = restarts.begin().await;
    let record = store.record_of("alice", 0);
    for n in 0..10 {
        store.create(id(n), &record).await?;
    }
    let store = restarts.restart(store).await;
    store.store.ping().await?;
    let left = store.kept((0..10).map(id)).await?;
    for session in &left {
        let found = store.loaded(*session).await?;
        same_record("what is left of a record", &record, &found.record)?;
    }
    if store.card.lists {
        same("who is listed", &left, &store.listed("alice").await?)?;
    }
    let revision = store.create(id(100), &record).await?;
    let rewritten = store.record_of("bob", 1);
    let revision = store.rewrite(id(100), revision, &rewritten).await?;
    store.keeps(id(100), revision, &rewritten).await?;
    let answer = store.delete(id(100), Owner::Any).await?;
    same("a delete", &Deleted::Ended, &answer)
}

async fn an_answered_write_survives_a_restart(restarts: Restarts) -> Held {
    let store = restarts.begin().await;
    if !store.card.survives_restart {
        return Ok(());
    }
    let mut kept: Vec<(Revision, Revision, Record)> = Vec::new();
    for n in 0..20 {
        let first = store.create(id(n), &store.record("created")).await?;
        let record = store
            .record_of("alice", n as u64)
            .with_last_seen(store.in_hours(n as u64))
            .with_label(Some(Label::new("Firefox on Linux")));
        kept.push((first, store.rewrite(id(n), first, &record).await?, record));
    }
    let store = restarts.restart(store).await;
    for (n, (stale, revision, record)) in kept.into_iter().enumerate() {
        store.keeps(id(n), revision, &record).await?;
        let written = store
            .write(id(n), Expect::Revision(stale), record.clone())
            .await?;
        same("a stale write", &Written::Refused, &written)?;
        store.rewrite(id(n), revision, &record).await?;
    }
    Ok(())
}

async fn what_was_ended_stays_dead_over_a_restart(restarts: Restarts) -> Held {
    let store = restarts.begin().await;
    if !store.card.survives_restart {
        return Ok(());
    }
    let mut dead = Vec::new();
    for ending in Ending::known(store.card) {
        let store = store.nested(format!("-{ending:?}"));
        let first = store.create(id(1), &Ending::doomed(&store)).await?;
        let last = store.rewrite(id(1), first, &Ending::doomed(&store)).await?;
        ending.end(&store, id(1)).await?;
        dead.push((ending, [first, last]));
    }
    let store = restarts.restart(store).await;
    for (ending, revisions) in dead {
        let store = store.nested(format!("-{ending:?}"));
        is_gone(&store, id(1))
            .await
            .map_err(|failure| failure.during(format!("after {ending:?} and a restart")))?;
        for revision in revisions {
            let record = store.record("resurrected");
            let written = store.write(id(1), Expect::Revision(revision), record).await?;
            same(
                "a write to what was ended before the restart",
                &Written::Refused,
                &written,
            )?;
        }
    }
    Ok(())
}

async fn no_revision_comes_again_after_a_restart(restarts: Restarts) -> Held {
    let mut store = restarts.begin().await;
    if !store.card.survives_restart {
        return Ok(());
    }
    let mut seen: [HashSet<Revision>; 2] = Default::default();
    let record = store.record("same");
    for restart in 0..3 {
        for _ in 0..3 {
            // One is rewritten wherever it got to, the other ends and is created again.
            let last = store.load(id(0)).await?.map(|stored| stored.revision);
            let expect = last.map_or(Expect::Absent, Expect::Revision);
            let rewritten = applied(store.write(id(0), expect, record.clone()).await?)?;
            let recreated = store.create(id(1), &record).await?;
            for (seen, revision) in seen.iter_mut().zip([rewritten, recreated]) {
                ensure(seen.insert(revision), || {
                    format!("after {restart} restarts: expected a revision never seen, found {revision:?}")
                })?;
            }
            store.delete(id(1), Owner::Any).await?;
        }
        store = restarts.restart(store).await;
    }
    Ok(())
}

async fn the_index_survives_a_restart_with_the_records(restarts: Restarts) -> Held {
    let store = restarts.begin().await;
    if !store.card.survives_restart {
        return Ok(());
    }
    for n in 0..6 {
        store
            .create(id(n), &store.record_of(["alice", "bob"][n % 2], n as u64))
            .await?;
    }
    let store = restarts.restart(store).await;
    let alices: BTreeSet<_> = [0, 2, 4].map(id).into();
    if store.card.lists {
        same("who is listed", &alices, &store.listed("alice").await?)?;
        same("the count", &6, &store.count(&Query::default()).await?)?;
    }
    if store.card.revokes_by_principal {
        let record = store.record_of("alice", 9);
        let cap = Cap::Refuse(places(3));
        let written = store.write_capped(id(9), Expect::Absent, record, cap).await?;
        same("a session over the cap", &Written::AtCap, &written)?;
        let answer = store.revoke(all_of("alice")).await?;
        same("revoking alice", &Revoked::new(3, false), &answer)?;
        let bobs: BTreeSet<_> = [1, 3, 5].map(id).into();
        same("who is left", &bobs, &store.kept((0..10).map(id)).await?)?;
    }
    Ok(())
}

async fn a_touch_survives_a_restart_whole_or_not_at_all(restarts: Restarts) -> Held {
    let store = restarts.begin().await;
    if !store.card.survives_restart {
        return Ok(());
    }
    let before = store.record_of("alice", 0);
    let mut after = before.clone().with_last_seen(store.in_hours(1));
    after.expires = store.in_hours(48);
    let revision = store.create(id(1), &before).await?;
    let touched = store
        .touch(id(1), revision, after.last_seen, after.expires)
        .await?;
    let Touched::Applied(moved) = touched else {
        return Err(Failure::new("a touch: expected it to be applied, found Refused"));
    };
    let store = restarts.restart(store).await;
    let found = store.loaded(id(1)).await?;
    let whole = (&found.record, found.revision) == (&before, revision)
        || (&found.record, found.revision) == (&after, moved);
    ensure(whole, || {
        format!(
            "a touched record: expected {before:?} at {revision:?} or {after:?} at {moved:?}, found {found:?}"
        )
    })?;
    let again = store
        .touch(id(1), found.revision, after.last_seen, after.expires)
        .await?;
    ensure(matches!(again, Touched::Applied(_)), || {
        format!("a touch after the restart: expected it to be applied, found {again:?}")
    })
}
