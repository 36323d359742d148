//! Every store, on real servers: over HTTP, by counting instructions, and beside its driver alone.

use super::circumstances::{busy, circumstances};
use super::contenders::{CONTENDERS, Contender};
use super::programs::Package;
use super::servers::Servers;
use super::{drivers, instructions, over_http, strategies};
use crate::tools::{self, Tool};

/// How often each app and route has its turn, unless told otherwise.
pub(super) const CYCLES: usize = 5;

/// What is measured, of what can be.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    /// Everything, when it is nothing.
    pub(super) only: Option<Part>,
    /// Parts of names. Everybody, when there are none.
    pub(super) apps: Vec<String>,
    pub(super) cycles: usize,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            only: None,
            apps: Vec::new(),
            cycles: CYCLES,
        }
    }
}

impl Choice {
    fn contenders(&self) -> Vec<&'static Contender> {
        let chosen = |contender: &&Contender| {
            let names = [
                contender.name.to_lowercase(),
                contender.app.to_owned(),
                contender.store.to_owned(),
            ];
            self.apps.is_empty()
                || self
                    .apps
                    .iter()
                    .any(|app| names.iter().any(|name| name.contains(app)))
        };
        CONTENDERS.iter().filter(chosen).collect()
    }
}

/// A part of what is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Requests,
    Instructions,
    Drivers,
    Strategies,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [
        Self::Requests,
        Self::Instructions,
        Self::Drivers,
        Self::Strategies,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Instructions => "instructions",
            Self::Drivers => "drivers",
            Self::Strategies => "strategies",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|part| part.name() == name);
        found.ok_or_else(|| format!("--only is one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

pub(super) fn measure(choice: &Choice) -> Result<(), String> {
    let contenders = choice.contenders();
    if contenders.is_empty() {
        let names: Vec<&str> = CONTENDERS.iter().map(|contender| contender.name).collect();
        return Err(format!("--apps fits none of: {}", names.join("; ")));
    }
    for package in [Package::Ours, Package::Peers] {
        if contenders.iter().any(|contender| contender.package == package) {
            package.build()?;
        }
    }
    print_circumstances()?;
    let servers = Servers::start()?;
    for part in Part::ALL {
        if choice.only.is_none_or(|only| only == part) {
            match part {
                Part::Requests => over_http::measure(&contenders, &servers, choice.cycles)?,
                Part::Instructions => instructions::measure_stores(&contenders, &servers)?,
                Part::Drivers => drivers::measure(&contenders, &servers, choice.cycles)?,
                Part::Strategies => strategies::measure(&servers, choice.cycles)?,
            }
        }
    }
    Ok(())
}

fn print_circumstances() -> Result<(), String> {
    use Package::{Ours, Peers};
    let packages = [
        (Ours, "cloakroom"),
        (Ours, "axum"),
        (Ours, "axum-extra"),
        (Ours, "tokio"),
        (Ours, "redis"),
        (Ours, "tokio-postgres"),
        (Ours, "mysql_async"),
        (Ours, "rusqlite"),
        (Ours, "tower-sessions"),
        (Peers, "tower-sessions"),
        (Peers, "tower-sessions-redis-store"),
        (Peers, "fred"),
        (Peers, "tower-sessions-sqlx-store"),
        (Peers, "sqlx"),
        (Peers, "actix-session"),
        (Peers, "actix-web"),
        (Peers, "redis"),
    ];
    println!("{}", circumstances(&packages)?);
    for &tool in tools::SERVERS.iter().chain(&[Tool::Wrk]) {
        println!(
            "{}",
            tools::version(tool).unwrap_or_else(|| format!("{tool:?} of an unknown version"))
        );
    }
    if let Some(busy) = busy() {
        println!(
            "the machine was {:.0} % busy with other things before this began",
            busy * 100.0
        );
    }
    println!();
    Ok(())
}
