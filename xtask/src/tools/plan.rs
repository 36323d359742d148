//! How what is missing is installed on this machine: decided, and not done.

use std::fs;

use super::Tool;
use super::find::on_path;

/// What decides how a tool is installed here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    apt: bool,
    /// Ubuntu's `chromium-browser` package is only a pointer to the snap.
    ubuntu: bool,
    snap: bool,
    rustup: bool,
}

/// How to get what is missing.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Plan {
    /// Commands that need root.
    pub(super) as_root: Vec<Vec<String>>,
    /// Commands that do not.
    pub(super) as_user: Vec<Vec<String>>,
    /// What only a person can do.
    pub(super) by_hand: Vec<String>,
}

/// How to get these tools on this machine.
pub(super) fn plan(missing: &[Tool], machine: Machine) -> Plan {
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
            Tool::Mariadb
            | Tool::MariadbDefaults
            | Tool::Memcached
            | Tool::Nginx
            | Tool::Postgres
            | Tool::Python
            | Tool::Redis => plan
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

pub(super) fn words(command: &[&str], arguments: &[&str]) -> Vec<String> {
    command
        .iter()
        .chain(arguments)
        .map(|&word| word.to_owned())
        .collect()
}

impl Machine {
    pub(super) fn this() -> Machine {
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
    pub(super) fn instructions(&self) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::SERVERS;

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
                 redis-server memcached postgresql mariadb-server-core mariadb-client-core",
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
}
