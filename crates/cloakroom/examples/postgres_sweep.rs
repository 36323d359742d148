//! What a sweep of many expired sessions does to reads, on a PostgreSQL server of its own.
//!
//! ```sh
//! cargo run --release --features postgres --example postgres_sweep -- 10000000
//! ```
//!
//! Fills the tables with so many sessions, of which 98 % have expired, reads live ones at an even pace without a sweep
//! and then while one runs as [`Sweeper`](cloakroom::Sweeper) runs it, and prints how long the reads took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom::stores::Postgres;
use cloakroom_store::{Id, Load, Namespace, Store as _, Sweep, Timestamp};
use cloakroom_testbed::postgres::Postgres as Server;
use tokio::time::{MissedTickBehavior, interval};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The time that counts as now: what expires before has expired.
const NOW: u64 = 1_000_000_000;
const READERS: u64 = 4;
const EVERY: Duration = Duration::from_millis(2);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let sessions = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |text| text.parse())?;
    let server = Server::start_with(&["max_wal_size=8GB", "shared_buffers=1GB"]);
    let store = Postgres::connect(&server.url()).await?;
    let begun = Instant::now();
    fill(&server, sessions).await?;
    println!(
        "{sessions} sessions, 98 % of them expired, written in {:.0?}",
        begun.elapsed()
    );

    let until = Instant::now() + Duration::from_secs(20);
    report(
        "without a sweep",
        &read_while(&store, sessions, move || Instant::now() < until).await?,
    );

    let sweeping = Arc::new(AtomicBool::new(true));
    let swept = tokio::spawn(sweep(store.clone(), Arc::clone(&sweeping)));
    report(
        "during the sweep",
        &read_while(&store, sessions, move || sweeping.load(Ordering::Relaxed)).await?,
    );
    let (removed, longest, took) = swept.await??;
    println!(
        "swept {removed} in {took:.0?}: {:.0} a second, the longest batch took {longest:.0?}",
        removed as f64 / took.as_secs_f64()
    );

    let until = Instant::now() + Duration::from_secs(10);
    report(
        "after the sweep",
        &read_while(&store, sessions, move || Instant::now() < until).await?,
    );
    Ok(())
}

/// Writes the sessions: every fiftieth is live.
async fn fill(server: &Server, sessions: u64) -> Result<(), Failure> {
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await?;
    let connection = tokio::spawn(connection);
    const STEP: u64 = 250_000;
    for first in (0..sessions).step_by(STEP as usize) {
        let last = (first + STEP).min(sessions) - 1;
        client
            .batch_execute(&format!(
                "BEGIN; SET LOCAL synchronous_commit = off;
                 INSERT INTO cloakroom_sessions
                 SELECT 'sweep', decode(lpad(to_hex(n * 2654435761 % 4294967296), 8, '0') || lpad(to_hex(n), 24, '0'), 'hex'),
                        n, CASE WHEN n % 2 = 0 THEN ('user ' || n / 4)::bytea END, 0, 0,
                        CASE WHEN n % 50 = 0 THEN {NOW} * 2 + n ELSE n * 7919 % {NOW} END, NULL
                 FROM generate_series({first}::bigint, {last}) n;
                 INSERT INTO cloakroom_bodies
                 SELECT 'sweep', decode(lpad(to_hex(n * 2654435761 % 4294967296), 8, '0') || lpad(to_hex(n), 24, '0'), 'hex'),
                        decode(repeat(md5(n::text), 19), 'hex')
                 FROM generate_series({first}::bigint, {last}) n;
                 COMMIT"
            ))
            .await?;
    }
    for tidying in [
        "VACUUM ANALYZE cloakroom_sessions",
        "VACUUM ANALYZE cloakroom_bodies",
        "CHECKPOINT",
    ] {
        client.batch_execute(tidying).await?;
    }
    drop(client);
    connection.await??;
    Ok(())
}

/// The id of a session, as `fill` makes it.
fn id(n: u64) -> Id {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&((n * 2_654_435_761 % (1 << 32)) as u32).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

/// Reads live sessions at an even pace, and answers how long each read took, shortest first.
async fn read_while(
    store: &Postgres,
    sessions: u64,
    goes_on: impl Fn() -> bool + Clone + Send + 'static,
) -> Result<Vec<Duration>, Failure> {
    let mut reading = tokio::task::JoinSet::new();
    for reader in 0..READERS {
        let (store, goes_on) = (store.clone(), goes_on.clone());
        reading.spawn(async move {
            let mut pace = interval(EVERY);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut took = Vec::new();
            let mut n = reader;
            while goes_on() {
                pace.tick().await;
                n = n
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let live = (n >> 20) % (sessions / 50) * 50;
                let asked = Instant::now();
                let found = store.load(Load::new(namespace(), id(live))).await?;
                took.push(asked.elapsed());
                if found.is_none() {
                    return Err(format!("session {live} is live and not there").into());
                }
            }
            Ok::<_, Failure>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = reading.join_next().await {
        all.extend(took??);
    }
    all.sort_unstable();
    Ok(all)
}

/// Sweeps until nothing is left; answers how many, the longest batch, and how long all took.
async fn sweep(store: Postgres, sweeping: Arc<AtomicBool>) -> Result<(u64, Duration, Duration), Failure> {
    const BATCH: std::num::NonZeroUsize = std::num::NonZeroUsize::new(1000).expect("1000 is not zero");
    let begun = Instant::now();
    let (mut removed, mut longest) = (0, Duration::ZERO);
    let swept = loop {
        let batch = Instant::now();
        let swept = store
            .sweep(Sweep::new(namespace(), Timestamp::from_unix_millis(NOW), BATCH))
            .await;
        longest = longest.max(batch.elapsed());
        match swept {
            Ok(swept) => {
                removed += swept.removed;
                if !swept.more {
                    break Ok((removed, longest, begun.elapsed()));
                }
            }
            Err(error) => break Err(error.into()),
        }
        tokio::task::yield_now().await;
    };
    sweeping.store(false, Ordering::Relaxed);
    swept
}

fn report(when: &str, took: &[Duration]) {
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "{when}: {} reads, p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, longest {:.2?}",
        took.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

fn namespace() -> Namespace {
    Namespace::new("sweep").expect("it is a namespace")
}
