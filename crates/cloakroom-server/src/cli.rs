//! The command line: what was typed, and carrying it out.

use std::net::{IpAddr, SocketAddr};
use std::{env, io};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::demo::{self, Config};
use crate::listen::{self, Address};
use crate::shutdown;

/// Sessions that survive races: you hand in your coat, you keep the ticket.
#[derive(Debug, Parser)]
#[command(name = "cloakroom", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a small shop on http://localhost:7007 that shows what sessions do
    Demo(Demo),
}

#[derive(Debug, Args)]
struct Demo {
    /// The port to listen on; 0 takes one that is free
    #[arg(long, default_value_t = 7007)]
    port: u16,

    /// The directory that keeps accounts and, without --store, sessions; made when it is not there
    #[arg(long, value_name = "DIR", default_value = "./cloakroom-data")]
    data: String,

    /// The address to listen on, instead of this machine's own
    #[arg(long, value_name = "IP")]
    listen: Option<IpAddr>,

    /// Where sessions are kept: "memory:" or "disk:DIR"
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl Cli {
    /// Does what was asked; returns when it is done.
    ///
    /// # Errors
    ///
    /// When it could not be done. The error says why, and what to do about it.
    pub fn run(self) -> anyhow::Result<()> {
        log_to_stderr()?;
        let runtime = Runtime::new().context("could not start the async runtime")?;
        match self.command {
            Command::Demo(demo) => runtime.block_on(demo.run()),
        }
    }
}

impl Demo {
    async fn run(self) -> anyhow::Result<()> {
        let shutdown = shutdown::signal().context("could not listen for signals")?;
        let address = self.listen.map_or(Address::Localhost, Address::Ip);
        let listeners = listen::bind(address, self.port).await?;
        let demo = demo::Demo::open(&self.config()).await?;
        self.announce(address, listeners.port()?);
        demo.run(listeners, shutdown)
            .await
            .context("could not go on listening")
    }

    fn config(&self) -> Config {
        match &self.store {
            Some(url) => Config::store(url, &self.data),
            None => Config::directory(&self.data),
        }
    }

    fn announce(&self, address: Address, port: u16) {
        let host = match address {
            Address::Ip(ip) => SocketAddr::new(ip, port).to_string(),
            Address::Localhost => format!("localhost:{port}"),
        };
        println!("The cloakroom is open: http://{host}\n");
        println!("  1. Put something in the cart, then sign up: the cart comes along.");
        println!("  2. Sign in from another browser or a private window, and end one from the other.");
        if self
            .store
            .as_deref()
            .is_some_and(|url| url.starts_with("memory:"))
        {
            println!("\nEverything is kept in memory: stop this with Ctrl-C, and it is gone.");
        } else {
            println!("  3. Stop this with Ctrl-C and start it again: you are still signed in.\n");
            println!(
                "Sessions and accounts are kept in {}.",
                self.store.as_ref().unwrap_or(&self.data)
            );
        }
        println!("Safari will not do: it keeps Secure cookies over HTTPS alone, on localhost too.");
        if !address.is_localhost() {
            eprintln!(
                "\nwarning: browsers keep Secure cookies over HTTPS and on http://localhost only: at http://{host} the \
                 shop forgets everybody at once. Put a reverse proxy with HTTPS in front, or leave --listen out."
            );
        }
    }
}

/// Logs warnings, or what `RUST_LOG` asks for, to standard error: standard output is for the announcement.
fn log_to_stderr() -> anyhow::Result<()> {
    let wanted = env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter: Targets = wanted
        .parse()
        .with_context(|| format!("could not read RUST_LOG={wanted}"))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(())
}
