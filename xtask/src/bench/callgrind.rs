//! Counts instructions with callgrind.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::{env, fs, process};

use super::programs::Package;
use crate::tools::{self, Tool};

/// How many requests are counted in each run, each of a session of its own.
pub(super) const REQUESTS: u64 = 1_000;

/// The mean of instructions per request.
pub(super) fn count(
    package: Package,
    app: &str,
    store: &str,
    route: &str,
    sessions: u64,
) -> Result<u64, String> {
    let file = env::temp_dir().join(format!("cloakroom-bench-{}.out", process::id()));
    let valgrind = tools::find(Tool::Valgrind).ok_or("valgrind is not there any more")?;
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(&file);
    let output = Command::new(valgrind)
        .args([
            "--tool=callgrind",
            "--toggle-collect=harness::instructions::measured",
            "--toggle-collect=peers::actix::instructions::measured*",
        ])
        .arg(out)
        .arg(package.apps())
        .args(["instructions", app, store, route])
        .args([REQUESTS, sessions].map(|number| number.to_string()))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not start valgrind: {error}"))?;
    let profile = fs::read_to_string(&file).unwrap_or_default();
    // It is gone at the next cleaning of the temporary directory, if not now.
    let _ = fs::remove_file(&file);
    if !output.status.success() {
        return Err(format!(
            "{app} {route} ended with {}:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    match total(&profile) {
        None | Some(0) => Err(format!("callgrind counted nothing for {app} {route}")),
        Some(total) => Ok(total / REQUESTS),
    }
}

/// What callgrind counted in all: its profile ends with `totals: 123`.
fn total(profile: &str) -> Option<u64> {
    let line = profile
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_last_line_of_a_profile() {
        assert_eq!(
            total("events: Ir\nfn=(1) main\n1 2\n\ntotals: 1234\n"),
            Some(1234)
        );
        assert_eq!(total(""), None);
    }
}
