//! Under which circumstances something was measured: the machine, the versions, the date.

use std::fs;
use std::time::Duration;

use super::programs::Package;
use crate::says;
use crate::tools::{self, Tool};

/// A few lines to print above a table: with the versions of these packages.
pub(super) fn circumstances(packages: &[(Package, &str)]) -> Result<String, String> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let mut versions = Vec::new();
    for (package, name) in packages {
        let lock = fs::read_to_string(package.lockfile())
            .map_err(|error| format!("could not read the lockfile of {package:?}: {error}"))?;
        versions.extend(version(&lock, name).map(|version| format!("{name} {version}")));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(format!(
        "{processor}, {cores} cores, {}\n{}\n{}, {}\n",
        says("date", &["-u", "+%F"])?,
        versions.join(", "),
        says("rustc", &["--version"])?,
        tools::find(Tool::Valgrind).map_or_else(
            || Ok("no valgrind".to_owned()),
            |valgrind| says(&valgrind.to_string_lossy(), &["--version"])
        )?,
    ))
}

/// How busy the machine is with other things, of all its processors.
pub(super) fn busy() -> Option<f64> {
    let first = processor_time()?;
    std::thread::sleep(Duration::from_secs(1));
    let second = processor_time()?;
    let (idle, all) = (second.0 - first.0, second.1 - first.1);
    Some(1.0 - idle as f64 / all.max(1) as f64)
}

/// The time that all processors had nothing to do, and all of it.
fn processor_time() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let times: Vec<u64> = times.map(|time| time.parse().unwrap_or(0)).collect();
    // Waiting for a disk is idle too.
    Some((times.get(3)? + times.get(4)?, times.iter().sum()))
}

/// The version of a package in a lockfile.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_lockfile() {
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"0.5.6\"\n\n[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n";
        assert_eq!(version(lock, "axum"), Some("0.8.9"));
        assert_eq!(version(lock, "tower"), None);
    }
}
