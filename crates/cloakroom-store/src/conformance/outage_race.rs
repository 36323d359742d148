//! A server that goes away in the middle of calls: what was answered stays, what was not counts once or never.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::failure::{Failure, Held, ensure, same};
use super::fixture::{Fixture, id};
use super::outage::{Outage, Outages, works};
use super::rule::Rule;
use crate::{Expect, Written};

pub(super) fn rules() -> Vec<Rule<Outages>> {
    vec![
        Rule::under_outages(
            "calls_cut_by_a_stop_count_once_or_never",
            calls_cut_by_a_stop_count_once_or_never,
        ),
        Rule::under_outages(
            "calls_cut_by_a_pause_count_once_or_never",
            calls_cut_by_a_pause_count_once_or_never,
        ),
    ]
}

async fn calls_cut_by_a_stop_count_once_or_never(outages: Outages) -> Held {
    cut(&outages, Outage::Stop, Outage::Start).await
}

async fn calls_cut_by_a_pause_count_once_or_never(outages: Outages) -> Held {
    cut(&outages, Outage::Pause, Outage::Resume).await
}

const WORKERS: usize = 4;

/// How the workers get on.
#[derive(Default)]
struct Progress {
    applied: AtomicU64,
    failed: AtomicU64,
    /// Set when the workers may stop, at their next answer.
    enough: AtomicBool,
}

/// Takes the server away under workers that count, and gives it back.
async fn cut(outages: &Outages, away: Outage, back: Outage) -> Held {
    let store = Fixture::new(outages.store.clone());
    outages.recovered(&store).await?;
    store.create(id(1), &store.record([0; 8 * WORKERS])).await?;
    let lost = away == Outage::Stop && !store.card.survives_restart;
    let progress = Arc::new(Progress::default());
    let counted = store
        .race(1, WORKERS + 1, |store, n| {
            let (progress, outages) = (Arc::clone(&progress), outages.clone());
            async move {
                if n < WORKERS {
                    let counted = count(&outages, &store, n, &progress, lost).await?;
                    return Ok(Some((n, counted)));
                }
                let held = take_away(&outages, &store, &progress, (away, back), lost).await;
                progress.enough.store(true, Ordering::SeqCst);
                held.map(|()| None)
            }
        })
        .await?;
    if let Some(found) = store.load(id(1)).await? {
        for (worker, expected) in counted.into_iter().flatten() {
            let found = own(&found.record.body, worker)?;
            // Where writes may be lost, what was counted before may be gone.
            ensure(found == expected || (lost && found < expected), || {
                format!("worker {worker}'s count: expected {expected}, found {found}")
            })?;
        }
    } else {
        same("whether the record may be lost", &true, &lost)?;
    }
    works(&store.nested("-afterwards")).await
}

/// Waits for work, takes the server away until it is noticed, gives it back, and waits for work again.
async fn take_away(
    outages: &Outages,
    store: &Fixture,
    progress: &Progress,
    (away, back): (Outage, Outage),
    lost: bool,
) -> Held {
    reaches(&progress.applied, 10 * WORKERS as u64).await;
    outages.server(away).await;
    reaches(&progress.failed, WORKERS as u64).await;
    outages.server(back).await;
    outages.recovered(store).await?;
    if !lost {
        let so_far = progress.applied.load(Ordering::SeqCst);
        reaches(&progress.applied, so_far + 20).await;
    }
    Ok(())
}

/// Waits until a number is reached; the rule's patience bounds it.
async fn reaches(number: &AtomicU64, least: u64) {
    let mut looking = interval(Duration::from_millis(2));
    while number.load(Ordering::SeqCst) < least {
        looking.tick().await;
    }
}

/// Counts in the worker's own place until it is enough, and answers how far it got.
async fn count(
    outages: &Outages,
    store: &Fixture,
    worker: usize,
    progress: &Progress,
    lost: bool,
) -> Result<u64, Failure> {
    let mut asking = interval(Duration::from_millis(1));
    asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The last number that is known to be written; the next may be, when its answer was lost.
    let mut known = 0;
    loop {
        asking.tick().await;
        let Ok(Ok(seen)) = timeout(outages.bound, store.load(id(1))).await else {
            progress.failed.fetch_add(1, Ordering::SeqCst);
            continue;
        };
        let Some(seen) = seen else {
            same("whether the record may be lost", &true, &lost)?;
            return Ok(known);
        };
        let found = own(&seen.record.body, worker)?;
        let settled = found == known || found == known + 1;
        ensure(settled || (lost && found < known), || {
            format!("worker {worker}'s count: expected {known} or one more, found {found}")
        })?;
        known = found;
        if progress.enough.load(Ordering::SeqCst) {
            return Ok(known);
        }
        let mut body = seen.record.body.to_vec();
        body[8 * worker..][..8].copy_from_slice(&(known + 1).to_le_bytes());
        let write = store.write(id(1), Expect::Revision(seen.revision), store.record(body));
        match timeout(outages.bound, write).await {
            Ok(Ok(Written::Refused)) => {}
            Ok(Ok(_)) => {
                known += 1;
                progress.applied.fetch_add(1, Ordering::SeqCst);
            }
            _ => {
                progress.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

fn own(body: &[u8], worker: usize) -> Result<u64, Failure> {
    let place = body
        .chunks_exact(8)
        .nth(worker)
        .and_then(|bytes| bytes.try_into().ok());
    let bytes = place.ok_or_else(|| {
        let length = body.len();
        Failure::new(format!(
            "the counts: expected {} bytes, found {length}",
            8 * WORKERS
        ))
    })?;
    Ok(u64::from_le_bytes(bytes))
}
