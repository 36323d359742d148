//! The command line: what was typed, and carrying it out.

use std::env;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::demo::{self, Config};
use crate::keys::Keys;
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
    Keys(Keys),
}

#[derive(Debug, Args)]
struct Demo {
    /// The port to listen on; 0 takes one that is free
    #[arg(long, default_value_t = 7007)]
    port: u16,

    /// The directory that keeps accounts and, without --store, sessions; made when it is not there
    #[arg(long, value_name = "DIR", default_value = "./cloakroom-data")]
    data: String,

    /// The address to listen on [default: localhost only]
    #[arg(long, value_name = "IP")]
    listen: Option<IpAddr>,

    /// Where sessions are kept: "memory:", "disk:DIR", "sqlite:FILE", or the URL of a server: "redis://…",
    /// "memcache://…", "postgres://…", "mysql://…" and their relatives
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
        match self.command {
            Command::Demo(demo) => Runtime::new()
                .context("could not start the async runtime")?
                .block_on(demo.run()),
            Command::Keys(keys) => keys.run(),
        }
    }
}

impl Demo {
    async fn run(self) -> anyhow::Result<()> {
        let shutdown = shutdown::signal().context("could not listen for signals")?;
        let address = self.listen.map_or(Address::Localhost, Address::Ip);
        let config = match &self.store {
            Some(url) => Config::store(url, &self.data),
            None => Config::directory(&self.data),
        };
        let listeners = listen::bind(address, self.port).await?;
        let demo = demo::Demo::open(&config).await?;
        let text = announcement(address, listeners.port()?, &config);
        // Nobody may be reading: `cloakroom demo | head -1` goes on serving.
        let _ = io::stdout().write_all(text.as_bytes());
        if let Some(warning) = warning(address) {
            eprintln!("warning: {warning}");
        }
        demo.run(listeners, shutdown)
            .await
            .context("could not go on listening")
    }
}

/// What there is to know of an address that other machines can reach.
fn warning(address: Address) -> Option<&'static str> {
    (!address.is_loopback()).then_some(
        "browsers keep Secure cookies over HTTPS and on this machine only: elsewhere the shop forgets everybody at \
         once. Put a reverse proxy with HTTPS in front, or leave --listen out.",
    )
}

/// What to try, and where.
fn announcement(address: Address, port: u16, config: &Config) -> String {
    let host = match address {
        Address::Ip(ip) if !ip.is_unspecified() => SocketAddr::new(ip, port).to_string(),
        _ => format!("localhost:{port}"),
    };
    let kept = match config.accounts_elsewhere() {
        Some(directory) => format!(
            "Sessions are kept in {}, accounts in {directory}.",
            config.place()
        ),
        None => format!("Sessions and accounts are kept in {}.", config.place()),
    };
    let stopping = if config.lasts() {
        "Stop this with Ctrl-C and start it again: you are still signed in."
    } else {
        "Stop this with Ctrl-C, and everything is forgotten."
    };
    format!(
        "\
The cloakroom is open: http://{host}

  1. Put something in the cart, then sign up: the cart comes along.
  2. Sign in from another browser or a private window, and end one from the other.
  3. {stopping}

{kept}
Safari will not do: it keeps Secure cookies over HTTPS alone, on localhost too.
"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_others_reach_warns_that_cookies_need_https() {
        let check = |ip: &str, warns: bool| {
            let address = Address::Ip(ip.parse().unwrap());
            assert_eq!(warning(address).is_some(), warns, "{ip}");
        };
        check("0.0.0.0", true);
        check("192.0.2.1", true);
        check("::", true);
        check("127.0.0.1", false);
        check("::1", false);
        assert_eq!(warning(Address::Localhost), None);
    }
}
