//! An operator, who has the file of keys and the command.

use std::process::Command;

use cloakroom::{KeyFile, KeyId};
use tempfile::TempDir;

/// Who exchanges the keys.
pub(crate) struct Operator {
    pub(crate) directory: TempDir,
}

impl Operator {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Makes the file; answers which key is in it.
    pub(crate) fn generate(&self) -> KeyId {
        self.ok("generate");
        self.ids()[0]
    }

    /// Adds a key, and answers which.
    pub(crate) fn add(&self) -> KeyId {
        self.ok("add");
        *self.ids().last().unwrap()
    }

    /// Runs a command that has to succeed.
    pub(crate) fn ok(&self, arguments: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
        command.arg("keys").args(arguments.split(' '));
        let output = command
            .arg("--file")
            .arg(self.directory.path().join(FILE))
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
    }

    fn ids(&self) -> Vec<KeyId> {
        let file = KeyFile::new(self.directory.path().join(FILE));
        file.read().unwrap().iter().map(|key| key.id).collect()
    }
}

/// The name of the file, which all nodes read.
pub(crate) const FILE: &str = "keys";
