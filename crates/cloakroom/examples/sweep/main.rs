//! What a sweep of very many expired sessions does to the requests beside it.
//!
//! ```sh
//! cargo run --release -p cloakroom --features postgres,mysql,sqlite --example sweep -- postgres 10000000
//! ```
//!
//! Fills a store (`postgres`, `mysql` or `sqlite`, on a server or in a file of its own) with so many sessions, of which
//! 98 % have expired, and reads live ones at an even pace: without a sweep, while a [`Sweeper`](cloakroom::Sweeper)
//! works, and after. Prints how long the reads took. A third argument says after how many seconds of sweeping to stop; a
//! fourth, `wait`, begins to measure only when Enter is pressed, so that the machine can come to rest after the filling.

mod filling;
mod reading;

use std::time::{Duration, Instant};

use cloakroom::Sessions;
use cloakroom::store::{AnyStore, Count, Query, Store as _};
use cloakroom::stores;
use cloakroom::stores::sqlite::SqliteOptions;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long reads are watched without a sweep.
const WATCHED: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let engine = arguments
        .next()
        .ok_or("which engine: postgres, mysql or sqlite?")?;
    let sessions = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let most = arguments.next().map_or(Ok(1800), |text| text.parse())?;
    let most = Duration::from_secs(most);
    let is_waiting = match arguments.next().as_deref() {
        None => false,
        Some("wait") => true,
        Some(other) => return Err(format!("{other:?} is not `wait`").into()),
    };
    let plan = Plan {
        sessions,
        most,
        is_waiting,
    };
    match engine.as_str() {
        "postgres" => {
            let server = Postgres::start_with(&["max_wal_size=8GB", "shared_buffers=1GB"]);
            measure(&server.url(), plan, async || {
                filling::postgres(&server.url(), sessions).await
            })
            .await
        }
        "mysql" => {
            let server = Mysqld::start_with(&["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G"]);
            println!("{}", Mysqld::version());
            measure(&server.url(), plan, async || {
                filling::mysql(&server.admin_url(), sessions).await
            })
            .await
        }
        "sqlite" => {
            let directory = tempfile::tempdir()?;
            let file = directory.path().join("sessions.db");
            measure(&format!("sqlite:{}", file.display()), plan, async || {
                filling::sqlite(&file, sessions)
            })
            .await
        }
        other => Err(format!("there is no engine {other:?}: it is postgres, mysql or sqlite").into()),
    }
}

struct Plan {
    sessions: u64,
    /// The longest a sweep may take.
    most: Duration,
    is_waiting: bool,
}

async fn measure(
    url: &str,
    plan: Plan,
    fill: impl AsyncFnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Plan { sessions, most, .. } = plan;
    // Makes the tables.
    let store = Sessions::new(stores::open(url).await?);
    let counting = patient(url).await?;
    let begun = Instant::now();
    fill().await?;
    println!(
        "{sessions} sessions, 98 % of them expired, written in {:.0?}",
        begun.elapsed()
    );
    if plan.is_waiting {
        println!("press Enter to measure");
        std::io::stdin().read_line(&mut String::new())?;
    }

    let watched = async || -> Result<(), Failure> {
        tokio::time::sleep(WATCHED).await;
        Ok(())
    };
    reading::during("without a sweep", &store, sessions, watched()).await?;
    let sweep = async {
        let begun = Instant::now();
        let sweeping = async {
            // A running sweeper goes on after an error, and after what others had, and so does this.
            loop {
                match store.sweeper().sweep().await {
                    Ok(swept) if !swept.more => break,
                    Ok(swept) => println!("after {:.0?}: {} swept", begun.elapsed(), swept.removed),
                    Err(error) => println!("after {:.0?}: {error}", begun.elapsed()),
                }
            }
        };
        let is_done = tokio::time::timeout(most, sweeping).await.is_ok();
        let took = begun.elapsed();
        let count = Count::new(store.namespace().clone(), Query::default());
        let removed = sessions - counting.count(count).await?;
        println!(
            "swept {removed} in {took:.0?}, {:.0} a second{}",
            removed as f64 / took.as_secs_f64(),
            if is_done { "" } else { ", and stopped there" }
        );
        Ok(())
    };
    reading::during("during the sweep", &store, sessions, sweep).await?;
    reading::during("after the sweep", &store, sessions, watched()).await
}

/// A store that may look at every row, which no request does.
async fn patient(url: &str) -> Result<AnyStore, Failure> {
    Ok(match url.strip_prefix("sqlite:") {
        Some(path) => AnyStore::new(
            SqliteOptions::default()
                .operation_timeout(Duration::from_secs(600))
                .open(path)
                .await?,
        ),
        None => stores::open(&format!("{url}?operation_timeout=10m")).await?,
    })
}
