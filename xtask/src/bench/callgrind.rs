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

/// What a program does between marks: it calls the function `mark` before and behind each thing that is counted, and
/// then names that on its output. Of all its threads.
pub(super) fn between_marks(program: &Command, mark: &str) -> Result<Vec<(String, u64)>, String> {
    let directory = env::temp_dir().join(format!("cloakroom-bench-{}-parts", process::id()));
    fs::create_dir_all(&directory)
        .map_err(|error| format!("could not make {}: {error}", directory.display()))?;
    let valgrind = tools::find(Tool::Valgrind).ok_or("valgrind is not there any more")?;
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(directory.join("part"));
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", &format!("--dump-before={mark}")])
        .arg(out)
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(Stdio::null())
        .output();
    // The first part goes to the first mark: what is counted are the second, the fourth and so on.
    let counted = |n: usize| {
        let profile = fs::read_to_string(directory.join(format!("part.{}", 2 * n + 2)));
        total(&profile.unwrap_or_default())
    };
    let counted = output
        .map_err(|error| format!("could not start valgrind: {error}"))
        .and_then(|output| {
            let names = String::from_utf8_lossy(&output.stdout).into_owned();
            let named =
                |(n, name): (usize, &str)| Some((name.to_owned(), counted(n).filter(|total| *total > 0)?));
            let all: Option<Vec<_>> = names.lines().enumerate().map(named).collect();
            all.filter(|_| output.status.success()).ok_or_else(|| {
                let errors = String::from_utf8_lossy(&output.stderr);
                format!("callgrind could not count {program:?}:\n{errors}")
            })
        });
    // It is gone at the next cleaning of the temporary directory, if not now.
    let _ = fs::remove_dir_all(&directory);
    counted
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
