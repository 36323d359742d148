//! The programs that are measured: how they are built, and where they are then.

use std::path::PathBuf;

use crate::{cargo, succeed, workspace};

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

fn target() -> PathBuf {
    workspace().join("benches/target")
}
