//! What the checks need beyond cargo: finding it, and installing it where that is allowed.

mod find;
mod plan;

use std::process::{Command, Stdio};

use find::succeeds;
pub(crate) use find::{find, version};
use plan::{Machine, Plan, plan, words};

/// Something a check cannot do without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    Linker,
    Rustfmt,
    Clippy,
    Chromium,
    Chromedriver,
    Mariadb,
    /// Is in a package of its own from some releases of MariaDB on, which its server's does not ask for.
    MariadbDefaults,
    Memcached,
    Nginx,
    Postgres,
    Python,
    Redis,
    Valgrind,
    Wrk,
}

/// The servers that stores are tested on.
pub(crate) const SERVERS: &[Tool] = &[
    Tool::Redis,
    Tool::Memcached,
    Tool::Postgres,
    Tool::Mariadb,
    Tool::MariadbDefaults,
];

/// Whether missing tools may be installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Install {
    Allowed,
    Forbidden,
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

impl Tool {
    fn about(self) -> &'static str {
        match self {
            Tool::Linker => "a C compiler, which links what Rust compiles",
            Tool::Rustfmt => "rustfmt, which checks the formatting",
            Tool::Clippy => "clippy, which checks the code",
            Tool::Chromium => "Chromium or Chrome, which the browser tests open the demo in",
            Tool::Chromedriver => "chromedriver, through which the browser tests drive the browser",
            Tool::Mariadb => "MariaDB or MySQL, which stores are tested on",
            Tool::MariadbDefaults => "my_print_defaults, with which MariaDB makes an empty data directory",
            Tool::Memcached => "Memcached, which stores are tested on",
            Tool::Nginx => "nginx, which an example is behind",
            Tool::Postgres => "PostgreSQL, which stores are tested on",
            Tool::Python => "Python with venv, in which another implementation of PASETO runs",
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
            Tool::MariadbDefaults => &["my_print_defaults"],
            Tool::Memcached => &["memcached"],
            Tool::Nginx => &["nginx"],
            Tool::Postgres => &["postgres"],
            Tool::Python => &["python3"],
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
            // On Debian the program is there before what makes an environment is.
            Tool::Python => succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])),
            _ => find(self).is_some(),
        }
    }

    /// The package that has it, on Debian and Ubuntu, where that is its own.
    fn package(self) -> Option<&'static str> {
        match self {
            Tool::Mariadb => Some("mariadb-server-core"),
            Tool::MariadbDefaults => Some("mariadb-client-core"),
            Tool::Memcached => Some("memcached"),
            Tool::Nginx => Some("nginx"),
            Tool::Postgres => Some("postgresql"),
            Tool::Python => Some("python3-venv"),
            Tool::Redis => Some("redis-server"),
            Tool::Valgrind => Some("valgrind"),
            Tool::Wrk => Some("wrk"),
            _ => None,
        }
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
