//! Serves the apps that are measured, or counts what a request to them takes.
//!
//! ```text
//! PROGRAM serve APP STORE
//! valgrind --tool=callgrind --toggle-collect=harness::instructions::measured \
//!     PROGRAM instructions APP STORE ROUTE REQUESTS SESSIONS
//! ```
//!
//! `cargo xtask bench` runs both for every app and route, and prints the tables.

mod app;

pub mod bare;
pub mod idle;

pub mod data;
mod requests;

mod instructions;
mod serve;

use std::env;
use std::process::ExitCode;

pub use app::{App, Building, Given};

/// What a program of apps does: what its command line says.
pub fn run(apps: &[App]) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let known = |name: &str| apps.iter().find(|app| app.name == name);
    match arguments[..] {
        ["serve", app, store] if known(app).is_some() => {
            serve::serve(known(app).expect("it is known"), store);
            ExitCode::SUCCESS
        }
        ["instructions", app, store, ref rest @ ..] if known(app).is_some() => {
            let app = known(app).expect("it is known");
            instructions::count(app, store, rest).map_or_else(usage(apps), |()| ExitCode::SUCCESS)
        }
        _ => usage(apps)(),
    }
}

fn usage(apps: &[App]) -> impl Fn() -> ExitCode {
    let names: Vec<&str> = apps.iter().map(|app| app.name).collect();
    move || {
        eprintln!(
            "usage: serve APP STORE\n       instructions APP STORE ROUTE REQUESTS SESSIONS\n  APP    {}\n  \
             STORE  a URL\n  ROUTE  {}",
            names.join(", "),
            requests::Route::NAMES.join(", "),
        );
        ExitCode::from(2)
    }
}
