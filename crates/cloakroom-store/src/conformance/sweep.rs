//! Sweeping: expired records go, in batches, and live ones stay.

use std::collections::BTreeSet;

use super::ending::is_gone;
use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, id};
use super::rule::{Rule, rules};
use crate::{Expect, Swept, Timestamp, Touched, Written};

pub(super) fn rules() -> Vec<Rule> {
    rules![
        a_sweep_removes_what_expired_and_nothing_else,
        a_sweep_goes_in_batches,
        a_sweep_never_removes_what_a_touch_revives,
        a_sweep_never_removes_what_a_write_revives,
    ]
}

async fn a_sweep_removes_what_expired_and_nothing_else(store: Fixture) -> Held {
    // Swept at ten hours: what expires at that very moment has not expired before it.
    for (n, hours) in [5, 9, 10, 11, 24].into_iter().enumerate() {
        for (base, mut record) in [(0, store.record("anonymous")), (10, store.record_of("alice", 0))] {
            record.expires = store.in_hours(hours);
            store.create(id(base + n), &record).await?;
        }
    }
    let never = store.sweep(Timestamp::from_unix_millis(0), 100).await?;
    same("a sweep of the epoch", &0, &never.removed)?;
    same("what is there", &10, &store.kept((0..20).map(id)).await?.len())?;
    let removed = sweep_all(&store, store.in_hours(10), 100).await?;
    let live: BTreeSet<_> = [2, 3, 4, 12, 13, 14].map(id).into();
    let kept = store.kept((0..20).map(id)).await?;
    if store.card.expires_by_itself {
        let lost: BTreeSet<_> = live.difference(&kept).collect();
        return same("what is missing of those that live", &BTreeSet::new(), &lost);
    }
    same("how many were removed", &4, &removed)?;
    same("what is left", &live, &kept)?;
    is_gone(&store, id(10)).await
}

async fn a_sweep_goes_in_batches(store: Fixture) -> Held {
    for n in 0..35 {
        let mut record = store.record_of("alice", n as u64);
        record.expires = store.in_hours(if n < 25 { 5 } else { 24 });
        store.create(id(n), &record).await?;
    }
    let removed = sweep_all(&store, store.in_hours(10), 10).await?;
    let kept = store.kept((0..35).map(id)).await?;
    if store.card.expires_by_itself {
        return same(
            "what is left of those that live",
            &10,
            &kept.intersection(&(25..35).map(id).collect()).count(),
        );
    }
    same("how many were removed", &25, &removed)?;
    same("what is left", &(25..35).map(id).collect(), &kept)
}

async fn a_sweep_never_removes_what_a_touch_revives(store: Fixture) -> Held {
    for round in 0..30 {
        let session = id(round);
        let mut record = store.record_of("alice", 0);
        record.expires = store.in_hours(5);
        let revision = store.create(session, &record).await?;
        let (_, touched) = store
            .duel(
                round,
                |store| async move { store.sweep(store.in_hours(10), 10).await },
                move |store| async move {
                    store
                        .touch(session, revision, store.in_hours(1), store.in_hours(24))
                        .await
                },
            )
            .await?;
        match touched {
            Touched::Refused => is_gone(&store, session).await?,
            Touched::Applied(revision) => {
                record = record.with_last_seen(store.in_hours(1));
                record.expires = store.in_hours(24);
                store.keeps(session, revision, &record).await?;
                // The next round's sweep must leave it alone as well.
                store.sweep(store.in_hours(10), 10).await?;
                store.keeps(session, revision, &record).await?;
            }
        }
    }
    Ok(())
}

async fn a_sweep_never_removes_what_a_write_revives(store: Fixture) -> Held {
    for round in 0..30 {
        let session = id(round);
        let mut record = store.record_of("alice", 0);
        record.expires = store.in_hours(5);
        let revision = store.create(session, &record).await?;
        let live = store.record_of("alice", 1);
        let write = live.clone();
        let (_, written) = store
            .duel(
                round,
                |store| async move { store.sweep(store.in_hours(10), 10).await },
                move |store| async move { store.write(session, Expect::Revision(revision), write).await },
            )
            .await?;
        match written {
            Written::Applied { revision, .. } => store.keeps(session, revision, &live).await?,
            _ => is_gone(&store, session).await?,
        }
    }
    Ok(())
}

/// Sweeps in batches of this size until none is left, and answers how many were removed.
///
/// A store may say that more remain when it only knows that more may. That none remain must be true.
async fn sweep_all(store: &Fixture, expired_before: Timestamp, limit: usize) -> Result<u64, Failure> {
    let mut sum = 0;
    loop {
        let Swept { removed, more, held } = store.sweep(expired_before, limit).await?;
        ensure(removed <= limit as u64, || {
            format!("a batch: expected at most {limit} to be removed, found {removed}")
        })?;
        ensure(!held, || {
            "a batch: expected all to be had where nobody else sweeps or writes, found some said to be held"
                .to_owned()
        })?;
        sum += removed;
        if !more {
            return Ok(sum);
        }
        tokio::task::yield_now().await;
    }
}
