//! What the checks need beyond cargo: finding it, and installing it where that is allowed.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

/// Something a check cannot do without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    Linker,
    Rustfmt,
    Clippy,
    Chromium,
    Chromedriver,
    Mariadb,
    Memcached,
    Nginx,
    Postgres,
    Redis,
    Valgrind,
    Wrk,
}

/// The servers that stores are tested on.
pub(crate) const SERVERS: &[Tool] = &[Tool::Redis, Tool::Memcached, Tool::Postgres, Tool::Mariadb];

/// Whether missing tools may be installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Install {
    Allowed,
    Forbidden,
}

/// What decides how a tool is installed here.
#[derive(Clone, Copy, Debug)]
struct Machine {
    apt: bool,
    /// Ubuntu's `chromium-browser` package is only a pointer to the snap.
    ubuntu: bool,
    snap: bool,
    rustup: bool,
}

/// How to get what is missing.
#[derive(Debug, Default, Eq, PartialEq)]
struct Plan {
    /// Commands that need root.
    as_root: Vec<Vec<String>>,
    /// Commands that do not.
    as_user: Vec<Vec<String>>,
    /// What only a person can do.
    by_hand: Vec<String>,
}

/// Makes sure that every tool is there, installing what is not.
///
/// # Errors
///
/// When something is missing and may not, or could not, be installed. The message holds the commands to run.
pub(crate) fn ensure(needed: &[Tool], install: Install) -> Result<(), String> {
    let missing = missing(needed);
    if missing.is_empty() {
        return Ok(());
    }
    println!("missing on this machine:");
    for tool in &missing {
        println!("  {}", tool.about());
    }
    let plan = plan(&missing, Machine::this());
    if install == Install::Forbidden {
        return Err(format!("not installing (--no-install).\n{}", plan.instructions()));
    }
    if !plan.by_hand.is_empty() {
        return Err(format!(
            "this cannot be installed from here.\n{}",
            plan.instructions()
        ));
    }
    let Some(prefix) = root_prefix(&plan) else {
        return Err(format!(
            "installing needs root, and sudo is not here or asks for a password.\n{}",
            plan.instructions()
        ));
    };
    let commands: Vec<Vec<String>> = plan
        .as_root
        .iter()
        .map(|command| [prefix, command].concat())
        .chain(plan.as_user.clone())
        .collect();
    println!("about to install it with:");
    for command in &commands {
        println!("  {}", command.join(" "));
    }
    for command in &commands {
        run(command).map_err(|why| format!("{why}\n{}", plan.instructions()))?;
    }
    match self::missing(&missing).first() {
        None => Ok(()),
        Some(tool) => Err(format!("still missing after installing: {}", tool.about())),
    }
}

/// Where a tool is that is a program of its own and runs.
pub(crate) fn find(tool: Tool) -> Option<PathBuf> {
    let mut directories = directories();
    directories.extend(match tool {
        Tool::Chromedriver => driver_directories(),
        Tool::Postgres => postgres_directories(),
        Tool::Mariadb | Tool::Memcached | Tool::Nginx | Tool::Redis => vec![PathBuf::from("/usr/sbin")],
        _ => Vec::new(),
    });
    let names = tool.programs();
    directories
        .iter()
        .flat_map(|directory| names.iter().map(|name| directory.join(name)))
        .find(|path| {
            // Ubuntu's /usr/bin/chromium-browser may be a script that only says to install the snap.
            // And wrk answers with its version, but not with success.
            let version = if tool == Tool::Nginx { "-v" } else { "--version" };
            path.is_file() && (tool == Tool::Wrk || succeeds(Command::new(path).arg(version)))
        })
}

impl Tool {
    fn about(self) -> &'static str {
        match self {
            Tool::Linker => "a C compiler, which links what Rust compiles",
            Tool::Rustfmt => "rustfmt, which checks the formatting",
            Tool::Clippy => "clippy, which checks the code",
            Tool::Chromium => "Chromium or Chrome, which the browser tests open the demo in",
            Tool::Chromedriver => "chromedriver, through which the browser tests drive the browser",
            Tool::Mariadb => "MariaDB or MySQL, which stores are tested on",
            Tool::Memcached => "Memcached, which stores are tested on",
            Tool::Nginx => "nginx, which an example is behind",
            Tool::Postgres => "PostgreSQL, which stores are tested on",
            Tool::Redis => "Redis or Valkey, which stores are tested on",
            Tool::Valgrind => "valgrind, whose callgrind counts instructions",
            Tool::Wrk => "wrk, which sends as many HTTP requests as are answered",
        }
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Tool::Linker => &["cc", "gcc", "clang"],
            Tool::Rustfmt => &["cargo-fmt"],
            Tool::Clippy => &["cargo-clippy"],
            Tool::Chromium => &[
                "chromium",
                "chromium-browser",
                "google-chrome",
                "google-chrome-stable",
                "chrome",
            ],
            Tool::Chromedriver => &["chromedriver", "chromium.chromedriver"],
            Tool::Mariadb => &["mariadbd", "mysqld"],
            Tool::Memcached => &["memcached"],
            Tool::Nginx => &["nginx"],
            Tool::Postgres => &["postgres"],
            Tool::Redis => &["redis-server", "valkey-server"],
            Tool::Valgrind => &["valgrind"],
            Tool::Wrk => &["wrk"],
        }
    }

    fn is_there(self) -> bool {
        match self {
            // With rustup the programs are there before their component is: ask cargo.
            Tool::Rustfmt => succeeds(crate::cargo().args(["fmt", "--version"])),
            Tool::Clippy => succeeds(crate::cargo().args(["clippy", "--version"])),
            _ => find(self).is_some(),
        }
    }

    /// The package that has it, on Debian and Ubuntu, where that is its own.
    fn package(self) -> Option<&'static str> {
        match self {
            Tool::Mariadb => Some("mariadb-server-core"),
            Tool::Memcached => Some("memcached"),
            Tool::Nginx => Some("nginx"),
            Tool::Postgres => Some("postgresql"),
            Tool::Redis => Some("redis-server"),
            Tool::Valgrind => Some("valgrind"),
            Tool::Wrk => Some("wrk"),
            _ => None,
        }
    }
}

impl Machine {
    fn this() -> Machine {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        Machine {
            apt: on_path("apt-get"),
            ubuntu: release.lines().any(|line| line == "ID=ubuntu"),
            snap: on_path("snap"),
            rustup: on_path("rustup"),
        }
    }
}

impl Plan {
    fn instructions(&self) -> String {
        let mut text = String::new();
        if !self.as_root.is_empty() || !self.as_user.is_empty() {
            text.push_str("run this, then try again:\n");
        }
        for command in &self.as_root {
            text.push_str(&format!("  sudo {}\n", command.join(" ")));
        }
        for command in &self.as_user {
            text.push_str(&format!("  {}\n", command.join(" ")));
        }
        for sentence in &self.by_hand {
            text.push_str(sentence);
            text.push('\n');
        }
        text.trim_end().to_owned()
    }
}

fn missing(needed: &[Tool]) -> Vec<Tool> {
    let mut missing = Vec::new();
    for &tool in needed {
        if !missing.contains(&tool) && !tool.is_there() {
            missing.push(tool);
        }
    }
    missing
}

fn plan(missing: &[Tool], machine: Machine) -> Plan {
    let (mut packages, mut components, mut snaps) = (Vec::new(), Vec::new(), Vec::new());
    let mut plan = Plan::default();
    for tool in missing {
        match tool {
            Tool::Rustfmt | Tool::Clippy if machine.rustup => {
                components.push(if *tool == Tool::Rustfmt { "rustfmt" } else { "clippy" });
            }
            Tool::Rustfmt | Tool::Clippy => {
                plan.by_hand.push("rustfmt and clippy come with rustup: https://rustup.rs".to_owned());
            }
            Tool::Linker if machine.apt => packages.extend(["gcc", "libc6-dev"]),
            tool if machine.apt && tool.package().is_some() => packages.extend(tool.package()),
            Tool::Chromium if machine.apt && !machine.ubuntu => packages.push("chromium"),
            Tool::Chromedriver if machine.apt && !machine.ubuntu => packages.push("chromium-driver"),
            Tool::Chromium | Tool::Chromedriver if machine.ubuntu && machine.snap => snaps.push("chromium"),
            Tool::Chromium | Tool::Chromedriver if machine.ubuntu => plan.by_hand.push(
                "on Ubuntu the chromium packages are snaps, and there is no snap here: put Chromium or Chrome, and \
                 the chromedriver of the same version, on PATH"
                    .to_owned(),
            ),
            Tool::Linker => plan.by_hand.push("put a C compiler (cc) on PATH".to_owned()),
            Tool::Valgrind => plan
                .by_hand
                .push("put valgrind on PATH: https://valgrind.org".to_owned()),
            Tool::Wrk => plan
                .by_hand
                .push("put wrk on PATH: https://github.com/wg/wrk".to_owned()),
            Tool::Mariadb | Tool::Memcached | Tool::Nginx | Tool::Postgres | Tool::Redis => plan
                .by_hand
                .push(format!("put {} on PATH", tool.programs().join(" or "))),
            Tool::Chromium | Tool::Chromedriver => plan
                .by_hand
                .push("put Chromium or Chrome, and the chromedriver of the same version, on PATH".to_owned()),
        }
    }
    plan.by_hand.dedup();
    snaps.dedup();
    if !packages.is_empty() {
        plan.as_root.push(words(&["apt-get", "update"], &[]));
        plan.as_root.push(words(
            &["apt-get", "install", "-y", "--no-install-recommends"],
            &packages,
        ));
    }
    if !snaps.is_empty() {
        plan.as_root.push(words(&["snap", "install"], &snaps));
    }
    if !components.is_empty() {
        plan.as_user
            .push(words(&["rustup", "component", "add"], &components));
    }
    plan
}

fn words(command: &[&str], arguments: &[&str]) -> Vec<String> {
    command
        .iter()
        .chain(arguments)
        .map(|&word| word.to_owned())
        .collect()
}

/// What to put before a command that needs root, or nothing when we cannot become root.
fn root_prefix(plan: &Plan) -> Option<&'static [String]> {
    static SUDO: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| words(&["sudo", "-n"], &[]));
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    if plan.as_root.is_empty() || is_root {
        Some(&[])
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some(SUDO.as_slice())
    } else {
        None
    }
}

fn run(command: &[String]) -> Result<(), String> {
    let line = command.join(" ");
    println!("$ {line}");
    let status = Command::new(&command[0])
        .args(&command[1..])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("could not start `{line}`: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` ended with {status}"))
    }
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn on_path(program: &str) -> bool {
    directories()
        .iter()
        .any(|directory| directory.join(program).is_file())
}

/// The directories of `PATH`, and where snaps put their programs.
fn directories() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    directories.push(PathBuf::from("/snap/bin"));
    directories
}

/// Where distributions and CI machines keep a chromedriver that is not on `PATH`.
fn driver_directories() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = env::var_os("CHROMEWEBDRIVER")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    directories.extend(["/usr/lib/chromium", "/usr/lib/chromium-browser"].map(PathBuf::from));
    directories
}

/// Where Debian keeps PostgreSQL's programs, the newest version first: they are not on `PATH`.
fn postgres_directories() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut directories: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    directories.sort();
    directories.reverse();
    directories
}

/// What a tool calls itself and its version, in one line.
pub(crate) fn version(tool: Tool) -> Option<String> {
    let output = Command::new(find(tool)?).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: Machine = Machine {
        apt: true,
        ubuntu: false,
        snap: false,
        rustup: true,
    };
    const UBUNTU: Machine = Machine {
        ubuntu: true,
        snap: true,
        ..DEBIAN
    };
    const UBUNTU_CONTAINER: Machine = Machine {
        snap: false,
        ..UBUNTU
    };
    const OTHER: Machine = Machine {
        apt: false,
        rustup: false,
        ..DEBIAN
    };
    const BROWSER: &[Tool] = &[Tool::Chromium, Tool::Chromedriver];

    fn check(missing: &[Tool], machine: Machine, expected: &str) {
        assert_eq!(plan(missing, machine).instructions(), expected);
    }

    #[test]
    fn debian_installs_packages_and_components() {
        check(
            &[
                Tool::Rustfmt,
                Tool::Linker,
                Tool::Clippy,
                Tool::Chromium,
                Tool::Chromedriver,
            ],
            DEBIAN,
            "run this, then try again:\n  sudo apt-get update\n  sudo apt-get install -y --no-install-recommends gcc \
             libc6-dev chromium chromium-driver\n  rustup component add rustfmt clippy",
        );
    }

    #[test]
    fn servers_are_packages_everywhere() {
        for machine in [DEBIAN, UBUNTU_CONTAINER] {
            check(
                SERVERS,
                machine,
                "run this, then try again:\n  sudo apt-get update\n  sudo apt-get install -y --no-install-recommends \
                 redis-server memcached postgresql mariadb-server-core",
            );
        }
        assert!(
            plan(&[Tool::Redis], OTHER)
                .instructions()
                .contains("redis-server or valkey-server")
        );
    }

    #[test]
    fn ubuntu_installs_the_snap_once() {
        check(
            BROWSER,
            UBUNTU,
            "run this, then try again:\n  sudo snap install chromium",
        );
    }

    #[test]
    fn ubuntu_without_snap_says_what_to_do() {
        let plan = plan(BROWSER, UBUNTU_CONTAINER);
        assert_eq!(plan.by_hand.len(), 1);
        assert!(plan.as_root.is_empty());
        assert!(plan.instructions().contains("no snap here"));
    }

    #[test]
    fn any_other_machine_says_what_to_do() {
        check(
            &[Tool::Rustfmt, Tool::Clippy, Tool::Linker],
            OTHER,
            "rustfmt and clippy come with rustup: https://rustup.rs\nput a C compiler (cc) on PATH",
        );
    }

    #[test]
    fn a_program_that_does_not_run_is_not_found() {
        assert!(!succeeds(&mut Command::new("/nonexistent/chromium")));
    }
}
