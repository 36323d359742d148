//! What a store adds to its driver: the same commands, by the driver alone and through the store, in turns.
//!
//! ```text
//! drivers STORE URL TURNS
//! ```
//!
//! `cargo xtask bench --stores --only drivers` runs it for every store that has a driver.

mod subject;
mod through;

#[path = "../../opening.rs"]
mod opening;

mod memcached;
mod mysql;
mod postgres;
mod redis;

mod compare;
mod pace;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [store, url, turns] = &arguments[..] else {
        return usage();
    };
    let Ok(turns) = turns.parse() else {
        return usage();
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime takes threads and file descriptors");
    runtime.block_on(async {
        let contest = match store.as_str() {
            "redis" => redis::contest(url).await,
            "memcached" => memcached::contest(url).await,
            "postgres" => postgres::contest(url).await,
            "mysql" => mysql::contest(url).await,
            _ => return usage(),
        };
        contest.run(turns).await;
        ExitCode::SUCCESS
    })
}

fn usage() -> ExitCode {
    eprintln!("usage: drivers STORE URL TURNS\n  STORE  redis, memcached, postgres, mysql");
    ExitCode::from(2)
}
