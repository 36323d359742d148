//! Dependencies flow one way: reads the paths in our sources and fails when one points back.
//!
//! To add a module, give it a row in [`MODULES`] and a line in `ARCHITECTURE.md`. A row may only know rows
//! above it, so the table cannot describe a circle. To add an edge, argue it in `ARCHITECTURE.md` first.
//!
//! The reader sees paths, not types: it looks at `use` lines and at every path that begins with `crate`,
//! `super`, `self` or the name of a dependency. Unit tests (`#[cfg(test)]`) are left out.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

#[path = "layers/package.rs"]
mod package;

#[path = "layers/reader.rs"]
mod reader;

#[path = "layers/checker.rs"]
mod checker;

#[path = "layers/shown.rs"]
mod shown;

use package::{Package, Source, Target};
use reader::{Named, Read};

/// The modules of `cloakroom`, lowest first, and what each may know. `pure` stands for all pure ones above.
const MODULES: &[Module] = &[
    pure("error", ""),
    pure("events", "error"),
    effects("clock", ""),
    effects("random", "error"),
    // Sealed sessions without a registry are in no store.
    effects("nowhere", ""),
    effects("bounded", "error events clock random"),
    pure("key", "error"),
    pure("local_path", ""),
    pure("base64url", ""),
    pure("rfc3339", ""),
    pure("origin", "error"),
    pure("cross_site", "error events origin"),
    pure("token", "base64url error"),
    pure("form_token", "base64url"),
    pure("flash", "base64url key"),
    pure("paseto", "base64url"),
    pure("policy", "error"),
    pure("cookie", "error token policy"),
    pure("cookie_header", ""),
    // A key keeps what is derived of it for cookies.
    pure("keyring", "error base64url paseto"),
    pure("data", "error key"),
    pure("seal", "error token policy keyring paseto"),
    pure("throttle", "error seal"),
    pure("authentication", "base64url seal"),
    pure("claims", "data policy rfc3339"),
    pure("sealed_cookie", "pure"),
    pure("gone", "pure"),
    pure("everyone", "pure"),
    pure("recent", "error"),
    pure("held", "keyring policy recent seal token"),
    pure("snapshot", "pure"),
    pure("sign_in", "error policy authentication seal"),
    pure("settle", "pure"),
    pure("envelope", "pure"),
    pure("change", "pure"),
    // What has ended is asked on every request, so a copy of it is part of the configuration.
    effects("revocations", "pure clock bounded"),
    // Configured once, and used where sessions are: `lifecycle` tells, `users` is the application's.
    effects("lifecycle", "events throttle"),
    effects("users", "lifecycle"),
    effects("config", "pure clock random nowhere revocations users lifecycle"),
    pure("state", "pure config revocations"),
    effects("shared", "pure bounded config users lifecycle"),
    effects("untold", "error config lifecycle"),
    effects("deleting", "error events bounded config"),
    effects(
        "sealed",
        "pure random bounded config revocations shared lifecycle untold deleting",
    ),
    effects(
        "commit",
        "pure clock random config bounded shared sealed lifecycle untold deleting",
    ),
    // What a handler holds. Its async verbs act when awaited, through `commit` and `ending`.
    effects("session", "pure clock random config bounded shared commit"),
    effects("forms", "pure clock random config shared session"),
    effects("signed_in", "pure clock config shared session lifecycle"),
    effects(
        "sessions",
        "pure clock random config bounded revocations shared sealed untold deleting commit session lifecycle",
    ),
    effects(
        "ending",
        "pure clock config bounded shared sealed untold deleting commit session sessions lifecycle",
    ),
    effects("listing", "error clock config bounded shared session"),
    effects("subscription", "lifecycle sessions config"),
    effects("guard", "error events clock session"),
    effects(
        "user",
        "error events bounded local_path config users lifecycle shared session sessions signed_in ending",
    ),
    effects("key_file", "error random keyring"),
    effects("key_watch", "error events keyring key_file"),
    effects(
        "attempts",
        "error events seal throttle bounded config lifecycle sessions",
    ),
    effects(
        "sweeper",
        "error events clock random config bounded sessions attempts",
    ),
    effects(
        "refresher",
        "error events clock random config bounded revocations sealed sessions",
    ),
    // Stores know the contract and nothing of ours, but for what they share.
    pure("stores::backoff", ""),
    pure("stores::revisions", ""),
    pure("stores::sql", ""),
    pure("stores::subject", ""),
    pure("stores::url", ""),
    pure("stores::server", "stores::url"),
    effects("stores::queue", ""),
    effects("stores::counting", "stores::sql"),
    effects("stores::cached", ""),
    effects("stores::memory", ""),
    effects("stores::disk", "stores::queue stores::subject"),
    // It feeds a near cache with what its server says.
    effects(
        "stores::redis",
        "stores::backoff stores::cached stores::revisions stores::server stores::subject stores::url",
    ),
    effects("stores::memcached", "stores::server stores::url"),
    effects(
        "stores::mysql",
        "stores::counting stores::revisions stores::server stores::sql stores::subject stores::url",
    ),
    effects(
        "stores::postgres",
        "stores::backoff stores::counting stores::revisions stores::server stores::sql stores::subject stores::url",
    ),
    effects(
        "stores::sqlite",
        "stores::queue stores::revisions stores::sql stores::subject",
    ),
    effects(
        "stores::open",
        "stores::memory stores::disk stores::sqlite stores::redis stores::memcached stores::postgres stores::mysql",
    ),
    effects(
        "stores",
        "stores::cached stores::memory stores::disk stores::redis stores::memcached stores::postgres stores::mysql \
         stores::sqlite stores::open stores::backoff stores::counting stores::queue stores::revisions stores::sql stores::subject stores::url \
         stores::server",
    ),
    effects("testing", "pure clock random sessions session"),
    // Adapters know sessions and cookies, never a store.
    effects("adapter", "error local_path config sessions session"),
    effects(
        "tower",
        "error events adapter cross_site sessions session testing",
    ),
    effects("actix", "error events adapter cross_site sessions session user"),
    effects("axum", "error events adapter session sessions user tower"),
    pure("guide", ""),
    pure("fuzzing", "pure"),
];

/// Dependencies that only some modules may name. The others are free.
const CRATES: &[(&str, &str)] = &[
    ("actix_web", "actix"),
    ("aes_gcm", "seal"),
    ("axum_core", "axum tower"),
    ("blake2b_simd", "paseto"),
    ("chacha20", "paseto"),
    ("deadpool_postgres", "stores::postgres"),
    ("fjall", "stores::disk"),
    ("getrandom", "random"),
    ("hashbrown", "stores::cached stores::memory"),
    ("http", "tower axum"),
    ("mysql_async", "stores::mysql"),
    ("percent_encoding", "stores::url"),
    ("pin_project_lite", "tower actix"),
    ("redb", "stores::disk"),
    ("redis", "stores::redis"),
    ("rusqlite", "stores::sqlite"),
    ("rustix", "key_file"),
    (
        "rustls",
        "stores::redis stores::postgres stores::mysql stores::memcached",
    ),
    (
        "tokio",
        "bounded clock guard lifecycle revocations shared sealed commit session subscription ending sweeper refresher key_watch stores::queue stores::counting stores::cached stores::disk stores::redis stores::memcached \
         stores::postgres stores::mysql stores::sqlite adapter testing",
    ),
    ("tokio_postgres", "stores::postgres"),
    ("tokio_postgres_rustls", "stores::postgres"),
    ("tower_layer", "tower"),
    ("tower_service", "tower"),
    ("tracing", "events"),
];

/// Modules that may measure how long something took, though never ask what time it is.
const STOPWATCHES: &str = "stores::cached stores::disk stores::redis stores::memcached stores::postgres stores::mysql \
                           stores::sqlite";

/// What a pure file does not name: the outside world, and the two ways to wait for it.
const OUTSIDE: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["tokio"],
];

/// The parts of the server that take whatever store they are given.
const STORELESS: &[&str] = &["api", "console", "forward_auth"];

struct Module {
    name: &'static str,
    kind: Kind,
    knows: &'static str,
}

impl Module {
    fn may_know(&self, target: &str) -> bool {
        names(self.knows, target)
            || (names(self.knows, "pure")
                && MODULES
                    .iter()
                    .take_while(|above| above.name != self.name)
                    .any(|above| above.name == target && above.kind == Kind::Pure))
    }
}

const fn pure(name: &'static str, knows: &'static str) -> Module {
    Module {
        name,
        kind: Kind::Pure,
        knows,
    }
}

const fn effects(name: &'static str, knows: &'static str) -> Module {
    Module {
        name,
        kind: Kind::Effects,
        knows,
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    /// No I/O, no clock, no randomness, nothing to await.
    Pure,
    Effects,
}

#[test]
fn no_path_in_the_library_points_back() {
    let library = Package::read("cloakroom");
    assert_clean(
        library
            .sources
            .iter()
            .flat_map(|source| library_breaches(&library, source)),
    );
}

#[test]
fn the_contract_knows_nobody() {
    let contract = Package::read("cloakroom-store");
    assert_clean(
        contract
            .sources
            .iter()
            .flat_map(|source| contract_breaches(&contract, source)),
    );
    for (name, line) in &contract.dependencies {
        assert!(
            line.contains("optional = true"),
            "cloakroom-store depends on {name} in its default build"
        );
    }
}

#[test]
fn the_servers_api_console_and_forward_auth_never_name_a_store() {
    let server = Package::read("cloakroom-server");
    assert_clean(
        server
            .sources
            .iter()
            .flat_map(|source| server_breaches(&server, source)),
    );
}

#[test]
fn rows_only_know_rows_above_them() {
    for (at, module) in MODULES.iter().enumerate() {
        for known in module.knows.split_whitespace().filter(|known| *known != "pure") {
            assert!(
                MODULES[..at].iter().any(|above| above.name == known),
                "{} may know {known}, which does not stand above it: that is a circle",
                module.name
            );
        }
    }
}

#[test]
fn every_row_is_a_module_that_exists() {
    let library = Package::read("cloakroom");
    let gone: Vec<&str> = MODULES
        .iter()
        .map(|module| module.name)
        .filter(|name| !library.has(name))
        .collect();
    assert!(
        gone.is_empty(),
        "rows of the table in tests/layers.rs without a file: {}",
        gone.join(", ")
    );
}

fn assert_clean(breaches: impl Iterator<Item = String>) {
    let breaches: Vec<String> = breaches.collect();
    assert!(
        breaches.is_empty(),
        "the layers are broken:\n  {}\n",
        breaches.join("\n  ")
    );
}

fn library_breaches(library: &Package, source: &Source) -> Vec<String> {
    let Some(name) = library.module_of(&source.module) else {
        return Vec::new(); // lib.rs names everything: that is what it is for.
    };
    let Some(module) = MODULES.iter().find(|module| module.name == name) else {
        return vec![format!(
            "{}: {name} is a new module: add it to the table in tests/layers.rs and to ARCHITECTURE.md",
            source.file
        )];
    };
    let mut breaches = Vec::new();
    let mut breach = |line: usize, what: String| breaches.push(format!("{}:{line}: {what}", source.file));
    let read = Read::new(&source.text);
    for path in &read.paths {
        match library.target(source, path) {
            Some(Target::Module(target)) if target != name && !module.may_know(&target) => {
                breach(path.line, format!("{name} may not know {target}"));
            }
            Some(Target::Crate(krate)) => {
                let allowed = CRATES.iter().find(|(listed, _)| *listed == krate);
                if allowed.is_some_and(|(_, modules)| !names(modules, &name)) {
                    breach(path.line, format!("{name} may not know the crate {krate}"));
                }
            }
            Some(Target::Unplaced(item)) => {
                breach(
                    path.line,
                    format!("crate::{item} is in no module and not re-exported by name"),
                );
            }
            Some(Target::Module(_)) | None => {}
        }
        let times = names(STOPWATCHES, &name) && path.segments == ["Instant", "now"];
        if reads_clock(path, &["SystemTime", "UNIX_EPOCH"]) && name != "clock" && !times {
            breach(
                path.line,
                format!("{name} may not read the time: it comes in as `now`"),
            );
        }
        if module.kind == Kind::Pure && OUTSIDE.iter().any(|outside| path.starts_with(outside)) {
            breach(
                path.line,
                format!("{name} is pure and may not name {}", path.segments.join("::")),
            );
        }
    }
    if module.kind == Kind::Pure {
        for line in read.waits {
            breach(line, format!("{name} is pure and may not be async"));
        }
    }
    breaches
}

fn contract_breaches(contract: &Package, source: &Source) -> Vec<String> {
    if source.module.first().is_some_and(|first| first == "conformance") {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for path in Read::new(&source.text).paths {
        let outside = matches!(contract.target(source, &path), Some(Target::Crate(_)))
            || OUTSIDE.iter().any(|outside| path.starts_with(outside));
        if outside || reads_clock(&path, &[]) {
            breaches.push(format!(
                "{}:{}: the contract may not know {}",
                source.file,
                path.line,
                path.segments.join("::")
            ));
        }
    }
    breaches
}

fn server_breaches(server: &Package, source: &Source) -> Vec<String> {
    let Some(name) = source
        .module
        .first()
        .filter(|name| STORELESS.contains(&name.as_str()))
    else {
        return Vec::new();
    };
    let mut breaches = Vec::new();
    for path in Read::new(&source.text).paths {
        let driver = match server.target(source, &path) {
            Some(Target::Crate(krate)) => ["redb", "fjall"].contains(&krate.as_str()),
            _ => false,
        };
        if driver || path.starts_with(&["cloakroom", "stores"]) {
            let path_text = path.segments.join("::");
            breaches.push(format!(
                "{}:{}: {name} may not know {path_text}",
                source.file, path.line
            ));
        }
    }
    breaches
}

/// Whether a row's list holds this name.
fn names(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|listed| listed == name)
}

/// Whether a path asks what time it is, or names one of the types through which one could.
fn reads_clock(path: &Named, types: &[&str]) -> bool {
    let segments = &path.segments;
    segments
        .windows(2)
        .any(|pair| ["SystemTime", "Instant"].contains(&pair[0].as_str()) && pair[1] == "now")
        || segments.iter().any(|segment| types.contains(&segment.as_str()))
}
