//! The checker catches what it is there to catch.

use crate::package::Package;
use crate::{contract_breaches, library_breaches, server_breaches};

const MANIFEST: &str = "[dependencies]\ncloakroom-store.workspace = true\ngetrandom = \"0.4\"\n\
    tokio = { workspace = true }\n\n[dev-dependencies]\nserde = \"1\"\n";
const ROOT: &str = "pub use cloakroom_store as store;\npub use session::{Session, SessionInfo};\n\
    pub use token::Token as Ticket;\n";

fn package(file: &str, text: &str) -> Package {
    let mut files = vec![("lib.rs".to_owned(), ROOT.to_owned())];
    for known in [
        "session.rs",
        "token.rs",
        "error.rs",
        "sessions.rs",
        "stores/mod.rs",
        "stores/memory/mod.rs",
    ] {
        files.push((known.to_owned(), String::new()));
    }
    files.retain(|(name, _)| name != file);
    files.push((file.to_owned(), text.to_owned()));
    Package::new(MANIFEST, files)
}

fn check(file: &str, text: &str, expected: &[&str]) {
    let package = package(file, text);
    let found: Vec<String> = package
        .sources
        .iter()
        .flat_map(|source| library_breaches(&package, source))
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found:?} does not say {expected:?}");
    }
}

#[test]
fn an_edge_that_is_allowed_passes() {
    check(
        "token.rs",
        "use crate::error::Error;\nuse std::fmt;\nuse crate::store::Id;",
        &[],
    );
}

#[test]
fn an_import_that_points_back_is_caught() {
    check(
        "token.rs",
        "use crate::session::Session;",
        &["token.rs:1: token may not know session"],
    );
}

#[test]
fn a_path_in_an_expression_is_caught() {
    check(
        "token.rs",
        "\nfn f() { crate::session::begin() }",
        &["token.rs:2: token may not know session"],
    );
}

#[test]
fn a_nested_import_is_caught_once_per_branch() {
    let text = "use crate::{error::Error, session::{self, Session}, sessions::*};";
    check(
        "token.rs",
        text,
        &["know session", "know session", "know sessions"],
    );
}

#[test]
fn a_relative_path_is_followed() {
    let text = "use super::super::session::Session;\nuse super::open;\nuse self::shard::Shard;";
    check(
        "stores/memory/mod.rs",
        text,
        &["stores::memory may not know session", "may not know stores"],
    );
}

#[test]
fn a_re_export_leads_to_its_module() {
    check(
        "token.rs",
        "fn f(_: crate::SessionInfo) {}",
        &["token may not know session"],
    );
    check(
        "stores/memory/mod.rs",
        "use crate::Ticket;",
        &["stores::memory may not know token"],
    );
}

#[test]
fn a_glob_over_the_root_is_refused() {
    check("token.rs", "use crate::*;", &["crate::* is in no module"]);
}

#[test]
fn a_core_module_that_names_a_store_is_caught() {
    check(
        "sessions.rs",
        "use crate::stores::memory::Memory;",
        &["sessions may not know stores::memory"],
    );
    check(
        "sessions.rs",
        "use crate::stores::open;",
        &["sessions may not know stores"],
    );
}

#[test]
fn a_crate_has_its_place() {
    check(
        "token.rs",
        "use getrandom::fill;",
        &["token may not know the crate getrandom"],
    );
    check(
        "token.rs",
        "fn f() { ::getrandom::fill(&mut []) }",
        &["token may not know the crate getrandom"],
    );
    check(
        "token.rs",
        "use getrandom as chance;",
        &["token may not know the crate getrandom"],
    );
}

#[test]
fn the_clock_is_read_in_one_place() {
    check(
        "session.rs",
        "use std::time::Instant;\nfn f() { Instant::now(); }",
        &["session.rs:2: session may not"],
    );
    check(
        "session.rs",
        "use std::time::{Duration, SystemTime};",
        &["session may not read the time"],
    );
    check("session.rs", "use std::time::Duration;", &[]);
    // The disk store measures how long something took, and still may not ask what time it is.
    check("stores/disk/writer.rs", "fn f() { Instant::now(); }", &[]);
    check(
        "stores/disk/writer.rs",
        "fn f() { SystemTime::now(); }",
        &["stores::disk may not read the time"],
    );
    check(
        "stores/memory/sweep.rs",
        "fn f() { Instant::now(); }",
        &["stores::memory may not read the time"],
    );
}

#[test]
fn a_pure_file_touches_nothing() {
    check(
        "token.rs",
        "use std::fs::File;",
        &["token is pure and may not name std::fs::File"],
    );
    check(
        "token.rs",
        "async fn f() {}",
        &["token is pure and may not be async"],
    );
    check(
        "token.rs",
        "fn f() { g().await }",
        &["token is pure and may not be async"],
    );
}

#[test]
fn a_new_module_must_be_placed() {
    check(
        "helpers.rs",
        "",
        &["helpers is a new module: add it to the table in tests/layers.rs and to ARCHI"],
    );
    check("stores/etcd.rs", "", &["stores::etcd is a new module"]);
}

#[test]
fn comments_strings_and_tests_are_not_read() {
    let text = "//! [`crate::session`]\n/* crate::session /* x */ */\nconst A: &str = \"crate::session::x\";\n\
        const B: &str = r#\"\"crate::session::x\"#;\nconst C: char = '\"';\nfn f<'a>(_: &'a str) {}\n\
        #[cfg(test)]\nmod tests { use crate::session::Session; }\n";
    check("token.rs", text, &[]);
    check(
        "token.rs",
        &format!("{text}use crate::session::Session;"),
        &["token.rs:9: token may not"],
    );
}

#[test]
fn the_contract_is_held_to_std() {
    let check = |file: &str, text: &str, expected: usize| {
        let contract = Package::new(
            "[dependencies]\ntokio = { optional = true }\n",
            vec![(file.to_owned(), text.to_owned())],
        );
        assert_eq!(
            contract_breaches(&contract, &contract.sources[0]).len(),
            expected,
            "{text}"
        );
    };
    check(
        "store.rs",
        "use std::time::SystemTime;\npub async fn load() {}",
        0,
    );
    check("store.rs", "fn f() { SystemTime::now(); }", 1);
    check("store.rs", "use tokio::time::sleep;", 1);
    check("store.rs", "use std::fs::File;", 1);
    check("conformance/races.rs", "use tokio::sync::Barrier;", 0);
}

#[test]
fn the_server_takes_the_store_it_is_given() {
    let check = |file: &str, text: &str, expected: usize| {
        let server = Package::new(
            "[dependencies]\ncloakroom = \"1\"\nredb = \"4\"\n",
            vec![(file.to_owned(), text.to_owned())],
        );
        assert_eq!(
            server_breaches(&server, &server.sources[0]).len(),
            expected,
            "{text}"
        );
    };
    check("console/page.rs", "use cloakroom::{Session, stores::Disk};", 1);
    check("api/mod.rs", "use redb::Database;", 1);
    check("forward_auth.rs", "use cloakroom::Session;", 0);
    check("cli.rs", "use cloakroom::stores;", 0);
}
