//! `cargo xtask bench`: what a session costs a request, in instructions and in bytes, beside other libraries.

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::{env, fs, process};

use crate::tools::{self, Install, Tool};
use crate::{Command, Failure, cargo, says, succeed, workspace};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    about: "Count what a session costs a request, beside other libraries",
    help,
    run,
};

/// How many requests are counted in each run, each of a session of its own.
const REQUESTS: u64 = 1_000;

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

/// Bytes of memory for each of a million sessions.
const FOOTPRINTS: &[(&str, u64)] = &[("anonymous", 450), ("signed-in", 550)];

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

struct Options {
    memory: bool,
    install: Install,
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = parse(arguments).map_err(Failure::Usage)?;
    let measure = || {
        if options.memory {
            tools::ensure(&[Tool::Linker], options.install)?;
            memory()
        } else {
            tools::ensure(&[Tool::Linker, Tool::Valgrind], options.install)?;
            instructions()
        }
    };
    measure().map_err(Failure::Failed)
}

fn help() -> String {
    "\
Count the instructions that a session adds to a request: through the tower
service, in one process, user space only, beside a layer that does nothing and
tower-sessions with its memory store. A goal that is missed is marked, and no
failure; the exit code is 1 when something could not be measured.

Usage: cargo xtask bench [--memory] [--no-install]

  --memory       measure bytes of memory per session instead
  --no-install   do not install what is missing, only say what would be
"
    .to_owned()
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options {
        memory: false,
        install: Install::Allowed,
    };
    for argument in arguments {
        match argument.as_str() {
            "--memory" => options.memory = true,
            "--no-install" => options.install = Install::Forbidden,
            other => return Err(format!("bench does not know {other:?}")),
        }
    }
    Ok(options)
}

fn instructions() -> Result<(), String> {
    build()?;
    println!("{}", circumstances()?);
    println!(
        "Instructions per request on top of the same app without sessions. Each figure: the mean of {REQUESTS} \
         requests\nof as many sessions, after a warm-up, counted by callgrind, less the mean of the app without."
    );
    println!(
        "\n{:<10}{:>10}{:>9}{:>11}{:>8}{:>12}{:>16}{:>8}",
        "route", "sessions", "goal", OURS, "", "idle layer", THEIRS, "ratio"
    );
    for row in ROWS {
        let bare = count(BARE, row)?;
        let above = |app| count(app, row).map(|count| count.saturating_sub(bare));
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

fn memory() -> Result<(), String> {
    println!("{}", circumstances()?);
    println!(
        "Bytes of resident memory per session at a million sessions of 190 bytes of data. tower-sessions' memory\n\
         store took 1,019 when it was measured for the goals (2026-11-21, the default allocator)."
    );
    for (kind, goal) in FOOTPRINTS {
        println!("\n{kind}, goal {goal}:");
        succeed(cargo().args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "cloakroom",
            "--example",
            "memory_footprint",
            "--",
            "1000000",
            kind,
        ]))?;
    }
    Ok(())
}

/// The mean of instructions per request.
fn count(app: &str, row: &Row) -> Result<u64, String> {
    let file = env::temp_dir().join(format!("cloakroom-bench-{}.out", process::id()));
    let valgrind = tools::find(Tool::Valgrind).ok_or("valgrind is not there any more")?;
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(&file);
    let output = Process::new(valgrind)
        .args(["--tool=callgrind", "--toggle-collect=instructions::measured"])
        .arg(out)
        .arg(binary())
        .args([app, row.route, &REQUESTS.to_string(), &row.sessions.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not start valgrind: {error}"))?;
    let profile = fs::read_to_string(&file).unwrap_or_default();
    // It is gone at the next cleaning of the temporary directory, if not now.
    let _ = fs::remove_file(&file);
    if !output.status.success() {
        return Err(format!(
            "{app} {} ended with {}:\n{}",
            row.route,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    match total(&profile) {
        None | Some(0) => Err(format!("callgrind counted nothing for {app} {}", row.route)),
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

fn build() -> Result<(), String> {
    succeed(
        cargo()
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(benches().join("Cargo.toml"))
            .arg("--target-dir")
            .arg(target()),
    )
}

/// The machine, the versions and the date.
fn circumstances() -> Result<String, String> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let lock = fs::read_to_string(benches().join("Cargo.lock"))
        .map_err(|error| format!("could not read the lockfile of benches: {error}"))?;
    let versions: Vec<String> = [OURS, THEIRS, "axum", "tokio"]
        .iter()
        .filter_map(|name| Some(format!("{name} {}", version(&lock, name)?)))
        .collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(format!(
        "{}, {cores} cores, {}\n{}\n{}, {}\n",
        processor,
        says("date", &["-u", "+%F"])?,
        versions.join(", "),
        says("rustc", &["--version"])?,
        tools::find(Tool::Valgrind).map_or_else(
            || Ok("no valgrind".to_owned()),
            |valgrind| says(&valgrind.to_string_lossy(), &["--version"])
        )?,
    ))
}

/// The version of a package in a lockfile.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

fn benches() -> PathBuf {
    workspace().join("benches")
}

fn target() -> PathBuf {
    benches().join("target")
}

fn binary() -> PathBuf {
    target().join(Path::new("release/instructions"))
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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

    #[test]
    fn a_version_is_found_in_a_lockfile() {
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"0.5.6\"\n\n[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n";
        assert_eq!(version(lock, "axum"), Some("0.8.9"));
        assert_eq!(version(lock, "tower"), None);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(parse(&["--fast".to_owned()]).is_err());
    }
}
