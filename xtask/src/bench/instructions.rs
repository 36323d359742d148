//! Instructions per request: with sessions in memory, and on stores with a server.

use std::collections::BTreeMap;

use super::callgrind::{self, REQUESTS};
use super::circumstances::circumstances;
use super::contenders::Contender;
use super::programs::Package;
use super::servers::Servers;
use super::thousands;

/// What is compared, all on top of the app without sessions.
const BARE: &str = "bare";
const IDLE: &str = "idle";
const OURS: &str = "cloakroom";
const THEIRS: &str = "tower-sessions";

/// How many sessions there are in all where it says "few": those that are used.
const FEW: u64 = 0;

/// What is counted, and what it may come to.
const ROWS: &[Row] = &[
    Row::new("unused", FEW, 2_500),
    Row::new("read", FEW, 7_000),
    Row::new("write", FEW, 12_000),
    Row::new("sign-in", FEW, 14_000),
    Row::new("read", 10_000, 7_000),
    Row::new("write", 10_000, 12_000),
    Row::new("read", 1_000_000, 7_000),
    Row::new("write", 1_000_000, 12_000),
];

/// What reading a session from Redis may take, and what it took tower-sessions when the goal was set (2026-11-21).
const REDIS_READ: (u64, u64) = (15_000, 36_800);

struct Row {
    route: &'static str,
    sessions: u64,
    goal: u64,
}

impl Row {
    const fn new(route: &'static str, sessions: u64, goal: u64) -> Self {
        Self {
            route,
            sessions,
            goal,
        }
    }
}

pub(super) fn measure() -> Result<(), String> {
    Package::Ours.build()?;
    println!(
        "{}",
        circumstances(&[OURS, THEIRS, "axum", "tokio"].map(|name| (Package::Ours, name)))?
    );
    println!(
        "Instructions per request on top of the same app without sessions. Each figure: the mean of {REQUESTS} \
         requests\nof as many sessions, after a warm-up, counted by callgrind, less the mean of the app without."
    );
    println!(
        "\n{:<10}{:>10}{:>9}{:>11}{:>8}{:>12}{:>16}{:>8}",
        "route", "sessions", "goal", OURS, "", "idle layer", THEIRS, "ratio"
    );
    for row in ROWS {
        let count = |app| callgrind::count(Package::Ours, app, "memory:", row.route, row.sessions);
        let bare = count(BARE)?;
        let above = |app| count(app).map(|count| count.saturating_sub(bare));
        let (idle, ours, theirs) = (above(IDLE)?, above(OURS)?, above(THEIRS)?);
        let sessions = match row.sessions {
            FEW => "few".to_owned(),
            many => thousands(many),
        };
        println!(
            "{:<10}{:>10}{:>9}{:>11}{:>8}{:>12}{:>16}{:>7}%",
            row.route,
            sessions,
            thousands(row.goal),
            thousands(ours),
            if ours <= row.goal { "" } else { "missed" },
            thousands(idle),
            thousands(theirs),
            ours * 100 / theirs.max(1),
        );
    }
    Ok(())
}

/// The same on stores with a server: what this process does in user space, the store's connection included.
pub(super) fn measure_stores(contenders: &[&'static Contender], servers: &Servers) -> Result<(), String> {
    const ROUTES: [&str; 4] = ["unused", "read", "write", "sign-in"];
    println!(
        "Instructions per request on top of the same app without sessions, user space, one request after the other: \
         the\nmean of {REQUESTS} requests, counted by callgrind. A stored session is read over a connection of this \
         process; what\nthe server does is not counted.\n"
    );
    print!("| {:<27} ", "");
    for route in ROUTES {
        print!("| {route:>9} ");
    }
    println!("|\n|---|{}", "---|".repeat(ROUTES.len()));
    let mut bare = BTreeMap::new();
    for contender in contenders.iter().filter(|contender| contender.countable) {
        let url = servers.url(contender.store)?;
        print!("| {:<27} ", contender.name);
        for route in ROUTES {
            let (package, app) = contender.bare;
            let bare = match bare.get(&(app, route)) {
                Some(known) => *known,
                None => {
                    let counted = callgrind::count(package, app, "memory:", route, FEW)?;
                    *bare.entry((app, route)).or_insert(counted)
                }
            };
            let count = callgrind::count(contender.package, contender.app, &url, route, FEW)?;
            print!("| {:>9} ", thousands(count.saturating_sub(bare)));
        }
        println!("|");
    }
    let (goal, theirs) = REDIS_READ;
    println!(
        "\nThe goal for reading from Redis is {} (tower-sessions, when it was set: {}).\n",
        thousands(goal),
        thousands(theirs),
    );
    Ok(())
}
