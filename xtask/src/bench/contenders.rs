//! Who is compared: an app of a library, on a store.

use super::programs::Package;

/// An app of a library on a store.
#[derive(Debug)]
pub(super) struct Contender {
    /// What it is called in tables.
    pub(super) name: &'static str,
    pub(super) package: Package,
    /// What its program calls the app.
    pub(super) app: &'static str,
    /// The store, by the name of its server; without a server the scheme of its URL.
    pub(super) store: &'static str,
    /// The same app without sessions.
    pub(super) bare: (Package, &'static str),
    /// Whether callgrind can count it: all of its work is done by the thread that serves.
    pub(super) countable: bool,
}

impl Contender {
    pub(super) const fn new(
        name: &'static str,
        package: Package,
        app: &'static str,
        store: &'static str,
    ) -> Self {
        Self {
            name,
            package,
            app,
            store,
            bare: (Package::Ours, "bare"),
            countable: true,
        }
    }

    /// One on another framework, and what that takes alone.
    const fn beside(mut self, bare: (Package, &'static str)) -> Self {
        self.bare = bare;
        self
    }

    /// One whose work is not all done where callgrind counts.
    const fn elsewhere(mut self) -> Self {
        self.countable = false;
        self
    }
}

pub(super) const CONTENDERS: &[Contender] = &[
    Contender::new("Cloakroom, memory", Package::Ours, "cloakroom", "memory"),
    Contender::new("Cloakroom, Redis", Package::Ours, "cloakroom", "redis"),
    Contender::new("Cloakroom, Memcached", Package::Ours, "cloakroom", "memcached"),
    Contender::new("Cloakroom, PostgreSQL", Package::Ours, "cloakroom", "postgres"),
    Contender::new("Cloakroom, MariaDB", Package::Ours, "cloakroom", "mysql"),
    Contender::new("Cloakroom, SQLite", Package::Ours, "cloakroom", "sqlite").elsewhere(),
    Contender::new("Cloakroom, disk", Package::Ours, "cloakroom", "disk").elsewhere(),
    Contender::new("Cloakroom, sealed", Package::Ours, "cloakroom-sealed", "memory"),
    Contender::new("PrivateCookieJar", Package::Ours, "private-cookies", "memory"),
    Contender::new(
        "tower-sessions, memory",
        Package::Ours,
        "tower-sessions",
        "memory",
    ),
    Contender::new(
        "tower-sessions, Redis",
        Package::Peers,
        "tower-sessions-redis",
        "redis",
    ),
    Contender::new(
        "tower-sessions, PostgreSQL",
        Package::Peers,
        "tower-sessions-postgres",
        "postgres",
    ),
    Contender::new(
        "actix-session, Redis",
        Package::Peers,
        "actix-session-redis",
        "redis",
    )
    .beside((Package::Peers, "actix-bare")),
    Contender::new(
        "actix-session, cookies",
        Package::Peers,
        "actix-session-cookies",
        "memory",
    )
    .beside((Package::Peers, "actix-bare")),
];

/// What a figure may come to, and what another library's was when the goal was set (2026-11-21).
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) contender: &'static str,
    pub(super) route: &'static str,
    pub(super) at_least: f64,
    pub(super) theirs: f64,
}

/// Requests per second, as a share of those without sessions.
pub(super) const PACE: &[Goal] = &[
    Goal::new("Cloakroom, Redis", "read", 0.60, 0.39),
    Goal::new("Cloakroom, Redis", "write", 0.45, 0.26),
    Goal::new("Cloakroom, PostgreSQL", "read", 0.30, 0.14),
    Goal::new("Cloakroom, PostgreSQL", "write", 0.10, 0.03),
];

impl Goal {
    const fn new(contender: &'static str, route: &'static str, at_least: f64, theirs: f64) -> Self {
        Self {
            contender,
            route,
            at_least,
            theirs,
        }
    }
}
