//! What each check runs.

use std::num::NonZero;
use std::process::Command as Process;
use std::{env, fs, thread};

use crate::tools::{self, Tool};
use crate::{cargo, workspace};

/// How many tests of one program run at once.
const THREADS: &str = "RUST_TEST_THREADS";

/// Seen from the workspace.
const EXAMPLES: &str = "examples/Cargo.toml";

pub(super) fn fmt() -> Result<(), String> {
    call(cargo().args(["fmt", "--all", "--check"]))?;
    call(cargo().args(["fmt", "--all", "--check", "--manifest-path", EXAMPLES]))
}

pub(super) fn clippy() -> Result<(), String> {
    call(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Features only add, so what must be shown is that each stands alone, and its tests. Clippy rather than
/// `check`: it denies our own warnings without building the dependencies again.
pub(super) fn features() -> Result<(), String> {
    let manifest = workspace().join("crates/cloakroom/Cargo.toml");
    let manifest = fs::read_to_string(&manifest)
        .map_err(|error| format!("could not read {}: {error}", manifest.display()))?;
    call(cargo().args(["clippy", "-p", "cloakroom-store", "--", "-D", "warnings"]))?;
    let alone = |feature: &str| {
        call(
            cargo()
                .args([
                    "clippy",
                    "-p",
                    "cloakroom",
                    "--no-default-features",
                    "--features",
                    feature,
                ])
                .args(["--all-targets", "--", "-D", "warnings"]),
        )
    };
    alone("")?;
    declared_features(&manifest).into_iter().try_for_each(alone)
}

/// The names in `[features]`, without `default`.
fn declared_features(manifest: &str) -> Vec<&str> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .filter(|name| *name != "default" && !name.contains(['"', ' ']))
        .collect()
}

/// As docs.rs builds them. Libraries only: the binary `cloakroom` and the library `cloakroom` would write the same page.
pub(super) fn docs() -> Result<(), String> {
    call(
        cargo()
            .args(["doc", "--no-deps", "--workspace", "--all-features", "--lib"])
            .env("RUSTDOC", workspace().join("xtask/rustdoc-as-docs-rs"))
            .env("RUSTDOCFLAGS", "--cfg docsrs -D warnings"),
    )
}

/// One call, so that everything is compiled once.
pub(super) fn build() -> Result<(), String> {
    call(cargo_test().arg("--no-run"))
}

/// In one call. The browser tests find the browser where we found it.
pub(super) fn tests() -> Result<(), String> {
    println!("the stores are tested on:");
    for version in servers() {
        println!("  {version}");
    }
    let mut command = cargo_test();
    for (name, tool) in [("CHROMIUM", Tool::Chromium), ("CHROMEDRIVER", Tool::Chromedriver)] {
        if let Some(path) = tools::find(tool)
            && env::var_os(name).is_none()
        {
            command.env(name, path);
        }
    }
    call(&mut command)
}

/// Of the whole workspace, whichever tests are asked for then: what is built together is built once.
pub(super) fn cargo_test() -> Process {
    let mut command = cargo();
    command.args(["test", "--workspace", "--all-features"]);
    if env::var_os(THREADS).is_none() {
        // Two thirds of the time tests wait, for servers that start, stop and do not answer.
        let threads = 2 * thread::available_parallelism().map_or(1, NonZero::get);
        command.env(THREADS, threads.to_string());
    }
    command
}

/// The examples are a workspace of their own. What they are built of is mostly built already, where we build.
pub(super) fn examples() -> Result<(), String> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--manifest-path", EXAMPLES]);
    if env::var_os("CARGO_TARGET_DIR").is_none() {
        command.args(["--target-dir", "target"]);
    }
    call(&mut command)
}

/// The servers there are, with their versions.
pub(crate) fn servers() -> Vec<String> {
    tools::SERVERS
        .iter()
        .filter(|tool| **tool != Tool::MariadbDefaults)
        .filter_map(|tool| tools::version(*tool))
        .collect()
}

/// Runs it with its output going where ours goes.
pub(super) fn call(command: &mut Process) -> Result<(), String> {
    let line = command
        .get_args()
        .map(|argument| match argument.to_string_lossy() {
            empty if empty.is_empty() => "''".to_owned(),
            argument => argument.into_owned(),
        })
        .fold("cargo".to_owned(), |line, argument| line + " " + &argument);
    println!("$ {line}");
    let status = command
        .status()
        .map_err(|error| format!("could not start `{line}`: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` ended with {status}"))
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn features_are_read_from_the_manifest() {
        let manifest = "[package]\nname = \"x\"\n[features]\n# a word\ndefault = [\"a\"]\na = [\"b\"]\nb = []\n\n\
            [dependencies]\nc = \"1\"\n";
        assert_eq!(declared_features(manifest), ["a", "b"]);
    }
}
