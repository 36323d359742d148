//! What a store adds to its driver: the same commands, by the driver alone and through the store, in turns.
//!
//! ```text
//! drivers pace STORE URL TURNS
//! drivers count STORE URL OPERATIONS
//! ```
//!
//! `count` is for a counter of instructions. `cargo xtask bench --stores --only drivers` runs both for every store.

mod subject;
mod through;

#[path = "../../opening.rs"]
mod opening;

mod disk;
mod memcached;
mod mysql;
mod postgres;
mod redis;
mod sqlite;

mod grouped;

mod compare;
mod pace;

use std::env;
use std::process::ExitCode;

use compare::Contest;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, store, url, times] = &arguments[..] else {
        return usage();
    };
    let Ok(times) = times.parse() else {
        return usage();
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime takes threads and file descriptors");
    runtime.block_on(async {
        let Some(contest) = contest(store, url).await else {
            return usage();
        };
        match what.as_str() {
            "pace" => contest.run(times).await,
            "count" => contest.count(times).await,
            _ => return usage(),
        }
        ExitCode::SUCCESS
    })
}

async fn contest(store: &str, url: &str) -> Option<Contest> {
    Some(match store {
        "redis" => redis::contest(url).await,
        "memcached" => memcached::contest(url).await,
        "postgres" => postgres::contest(url).await,
        "mysql" => mysql::contest(url).await,
        "sqlite" => sqlite::contest(url).await,
        "disk" => disk::contest(url).await,
        _ => return None,
    })
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: drivers pace STORE URL TURNS\n       drivers count STORE URL OPERATIONS\n  \
         STORE  redis, memcached, postgres, mysql, sqlite, disk"
    );
    ExitCode::from(2)
}
