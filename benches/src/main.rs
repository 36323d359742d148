//! The app that is measured: without sessions, with Cloakroom on any store, and with tower-sessions in memory.

mod apps;
mod opening;

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::run(apps::ALL)
}
