//! How fast reads are while expired sessions are swept from MySQL, and without.
//!
//! ```text
//! cargo run --release -p cloakroom --features mysql --example mysql_sweep -- 1000000
//! ```
//!
//! Starts a server of its own, fills it with so many sessions of which 98 in a hundred have expired, and reads those
//! that live from eight tasks: for ten seconds, and for as long as the sweep takes, but at most for a minute.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom::stores::Mysql;
use cloakroom_store::{Id, Load, Namespace, Store, Sweep, Timestamp};
use cloakroom_testbed::mysql::Mysqld;
use mysql_async::prelude::Queryable as _;
use tokio::task::JoinSet;

type Anything = Box<dyn std::error::Error + Send + Sync>;

/// Rows of one statement.
const BLOCK: usize = 100_000;

/// Sessions that expire before are swept.
const NOW: u64 = 1_000_000_000_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Anything> {
    let rows: usize = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |rows| rows.parse())?;
    let server = Mysqld::start_with(&["--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M"]);
    println!("{}", Mysqld::version());
    let store = Mysql::connect(&server.url()).await?;
    let live = fill(&server, rows).await?;
    println!("{rows} sessions, {} of them live", live.len());
    let live = Arc::new(live);

    let reading = Reading::start(&store, &live);
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("without a sweep: {}", reading.stop().await);

    let reading = Reading::start(&store, &live);
    let begun = Instant::now();
    let (removed, errors) = sweep(&store).await?;
    let took = begun.elapsed();
    println!("during a sweep:  {}", reading.stop().await);
    println!("removed {removed} in {took:.1?}; {errors} batches failed");
    Ok(())
}

/// Fills the table, and answers some of those that live.
async fn fill(server: &Mysqld, rows: usize) -> Result<Vec<Id>, Anything> {
    let url = format!("{}?prefer_socket=false", server.admin_url());
    let mut admin = mysql_async::Conn::from_url(url).await?;
    let digits = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL \
                  SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    for block in 0..rows.div_ceil(BLOCK) {
        let first = block * BLOCK;
        admin
            .query_drop(format!(
                "INSERT INTO cloakroom_sessions \
                 SELECT 'example', UNHEX(MD5(n)), n, CONCAT('user', n), 0, 0, IF(n % 50 = 0, {NOW} * 2, {NOW} - 1 - n), \
                 NULL, REPEAT('x', 300) \
                 FROM (SELECT {first} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n \
                 FROM {digits} a, {digits} b, {digits} c, {digits} e, {digits} f) AS numbers WHERE n < {rows}"
            ))
            .await?;
    }
    let live: Vec<Vec<u8>> = admin
        .query(format!("SELECT id FROM cloakroom_sessions WHERE expires > {NOW}"))
        .await?;
    let id = |bytes: Vec<u8>| {
        bytes
            .try_into()
            .map(Id::from_bytes)
            .map_err(|_| "an id is 16 bytes")
    };
    Ok(live.into_iter().map(id).collect::<Result<_, _>>()?)
}

fn namespace() -> Result<Namespace, Anything> {
    Ok(Namespace::new("example")?)
}

/// Sweeps as a `Sweeper` does: it rests for as long as a batch took, and goes on after an error.
async fn sweep(store: &Mysql) -> Result<(u64, u64), Anything> {
    let (mut removed, mut errors) = (0, 0);
    let started = Instant::now();
    loop {
        let begun = Instant::now();
        let batch = 1000.try_into()?;
        let now = Timestamp::from_unix_millis(NOW);
        match store.sweep(Sweep::new(namespace()?, now, batch)).await {
            Ok(swept) => {
                removed += swept.removed;
                if !swept.more || started.elapsed() > Duration::from_secs(60) {
                    return Ok((removed, errors));
                }
            }
            Err(_) => errors += 1,
        }
        tokio::time::sleep(begun.elapsed()).await;
    }
}

/// Tasks that read.
struct Reading {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Result<Vec<Duration>, Anything>>,
}

impl Reading {
    fn start(store: &Mysql, live: &Arc<Vec<Id>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for task in 0..8_usize {
            let (store, live, stop) = (store.clone(), Arc::clone(live), Arc::clone(&stop));
            tasks.spawn(async move {
                let mut took = Vec::new();
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = live[(task + n * 7919) % live.len()];
                    let begun = Instant::now();
                    store.load(Load::new(namespace()?, id)).await?;
                    took.push(begun.elapsed());
                }
                Ok(took)
            });
        }
        Self { stop, tasks }
    }

    /// What the reads took, in words.
    async fn stop(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        let mut took = Vec::new();
        let mut errors = 0;
        for read in self.tasks.join_all().await {
            match read {
                Ok(read) => took.extend(read),
                Err(_) => errors += 1,
            }
        }
        took.sort_unstable();
        let at = |share: f64| {
            took.get((took.len() as f64 * share) as usize)
                .copied()
                .unwrap_or_default()
        };
        format!(
            "{} reads, p50 {:?}, p99 {:?}, p99.9 {:?}, {errors} tasks ended by an error",
            took.len(),
            at(0.5),
            at(0.99),
            at(0.999)
        )
    }
}
