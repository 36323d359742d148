//! The program: reads the command line and serves.

use clap::Parser as _;
use cloakroom_probe::{Options, serve};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    serve(&Options::parse()).await
}
