//! The programs that are measured: how they are built, and where they are then.

use std::path::PathBuf;
use std::process::Command;

use crate::{cargo, workspace};

/// A package in `benches/`, with a lockfile of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Package {
    /// Cloakroom, and what has the same drivers.
    Ours,
    /// Other libraries, with drivers that cannot be in one program with ours.
    Peers,
}

impl Package {
    pub(super) fn build(self) -> Result<(), String> {
        succeed(
            cargo()
                .args(["build", "--release", "--locked", "--manifest-path"])
                .arg(self.directory().join("Cargo.toml"))
                .arg("--target-dir")
                .arg(target()),
        )
    }

    /// The program with its apps.
    pub(super) fn apps(self) -> PathBuf {
        program(match self {
            Self::Ours => "ours",
            Self::Peers => "peers",
        })
    }

    pub(super) fn lockfile(self) -> PathBuf {
        self.directory().join("Cargo.lock")
    }

    fn directory(self) -> PathBuf {
        match self {
            Self::Ours => workspace().join("benches"),
            Self::Peers => workspace().join("benches/peers"),
        }
    }
}

/// A program that was built.
pub(super) fn program(name: &str) -> PathBuf {
    target().join("release").join(name)
}

pub(super) fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("could not start {command:?}: {error}")),
    }
}

fn target() -> PathBuf {
    workspace().join("benches/target")
}
