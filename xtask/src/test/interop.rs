//! An independent implementation of PASETO makes our fixtures once more, and they are the same.
//!
//! The tests seal the very bytes that it made, and open them; it opens them as it makes them. So each side opens what the
//! other seals, and this says that the fixtures are still its own.

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use super::python;
use crate::workspace;

/// From PyPI, in versions that the fixtures name.
const PACKAGES: &[&str] = &["pyseto==1.10.0", "blake3==1.0.11"];

/// Where the scripts are, and what each of them makes.
const DIRECTORY: &str = "crates/cloakroom/tests/paseto";
const FIXTURES: &[(&str, &str)] = &[("make.py", "pyseto.json"), ("make_cookie.py", "cookie.json")];

pub(super) fn interop() -> Result<(), String> {
    let python = python::with(PACKAGES)?;
    for (script, fixture) in FIXTURES {
        let directory = workspace().join(DIRECTORY);
        let made = made_by(&python, &directory.join(script))?;
        let kept = fs::read(directory.join(fixture))
            .map_err(|error| format!("could not read {DIRECTORY}/{fixture}: {error}"))?;
        if made != kept {
            return Err(format!("{DIRECTORY}/{script} does not make {fixture}"));
        }
        println!("{script} makes {fixture}, and opens what is in it");
    }
    Ok(())
}

fn made_by(python: &Path, script: &Path) -> Result<Vec<u8>, String> {
    let output = Process::new(python)
        .arg(script)
        .output()
        .map_err(|error| format!("could not start {}: {error}", python.display()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(format!(
            "{} ended with {}:\n{}",
            script.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}
