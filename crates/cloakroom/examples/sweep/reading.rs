//! Reads live sessions at an even pace while something else happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom::Sessions;
use cloakroom::store::{Load, Store as _};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Failure;
use crate::filling::{LIVE, id};

const READERS: u64 = 4;
const EVERY: Duration = Duration::from_millis(2);

/// Reads until `work` is done, and prints how long the reads took.
pub(crate) async fn during(
    when: &str,
    sessions: &Sessions,
    number: u64,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let working = Arc::new(AtomicBool::new(true));
    let mut reading = JoinSet::new();
    for reader in 0..READERS {
        reading.spawn(read(sessions.clone(), reader, number, Arc::clone(&working)));
    }
    let worked = work.await;
    working.store(false, Ordering::Relaxed);
    let mut took = Vec::new();
    while let Some(some) = reading.join_next().await {
        took.extend(some??);
    }
    worked?;
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "{when}: {} reads, p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, longest {:.2?}",
        took.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    Ok(())
}

async fn read(
    sessions: Sessions,
    reader: u64,
    number: u64,
    working: Arc<AtomicBool>,
) -> Result<Vec<Duration>, Failure> {
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut took = Vec::new();
    let mut n = reader;
    while working.load(Ordering::Relaxed) {
        pace.tick().await;
        // Knuth's MMIX generator: the same sessions in every run.
        n = n
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let live = (n >> 20) % (number / LIVE) * LIVE;
        let load = Load::new(sessions.namespace().clone(), id(live));
        let asked = Instant::now();
        let found = sessions.store().load(load).await?;
        took.push(asked.elapsed());
        if found.is_none() {
            return Err(format!("session {live} is live and not there").into());
        }
    }
    Ok(took)
}
