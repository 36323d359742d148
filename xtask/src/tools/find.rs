//! Where a tool is, and which version of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use super::Tool;

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

/// What a tool calls itself and its version, in one line.
pub(crate) fn version(tool: Tool) -> Option<String> {
    let output = Command::new(find(tool)?).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}

pub(super) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

pub(super) fn on_path(program: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_run_is_not_found() {
        assert!(!succeeds(&mut Command::new("/nonexistent/chromium")));
    }
}
