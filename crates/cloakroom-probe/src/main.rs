//! The program: reads the command line and serves.

use std::process::ExitCode;

use clap::Parser as _;
use cloakroom_probe::{Options, serve};

#[tokio::main]
async fn main() -> ExitCode {
    match serve(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloakroom-probe: {error:#}");
            ExitCode::FAILURE
        }
    }
}
