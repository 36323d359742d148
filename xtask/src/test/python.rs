//! What comes from PyPI, in an environment of its own beside what cargo builds.

use std::env;
use std::path::PathBuf;
use std::process::Command as Process;

use crate::{succeed, workspace};

/// Installs packages, pinned as `name==version`, and answers the Python that has them.
pub(super) fn with(packages: &[&str]) -> Result<PathBuf, String> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), Into::into);
    let environment = target.join("python");
    succeed(Process::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let python = environment.join("bin/python");
    let mut install = Process::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    succeed(install.args(packages))?;
    Ok(python)
}
