//! Finds the programs of servers.

use std::env;
use std::path::PathBuf;

/// A program that tests start: where it may be, and what to install when it is nowhere.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Program {
    /// The variable that names the program's path when it is none of the usual ones.
    pub variable: &'static str,
    /// What the program may be called, the best first.
    pub names: &'static [&'static str],
    /// Directories beside those of `PATH`.
    pub directories: &'static [&'static str],
    /// The package that has it, on Debian and Ubuntu.
    pub package: &'static str,
}

impl Program {
    /// A program of this package, found on `PATH`.
    pub const fn new(variable: &'static str, names: &'static [&'static str], package: &'static str) -> Self {
        Self {
            variable,
            names,
            directories: &[],
            package,
        }
    }

    /// Looks into these directories too: those that servers are installed into without being on `PATH`.
    #[must_use]
    pub const fn also_in(mut self, directories: &'static [&'static str]) -> Self {
        self.directories = directories;
        self
    }

    /// Where the program is.
    ///
    /// # Panics
    ///
    /// When it is nowhere: with what to install.
    pub fn path(&self) -> PathBuf {
        find(self).unwrap_or_else(|| {
            let Self {
                variable,
                names,
                package,
                ..
            } = self;
            panic!(
                "{} is not on this machine: install the package {package}, or name the program's path in {variable} \
                 (`cargo xtask test` installs what is missing)",
                names.join(" or ")
            )
        })
    }
}

/// Where a program is, if it is anywhere.
fn find(program: &Program) -> Option<PathBuf> {
    if let Some(path) = env::var_os(program.variable) {
        return Some(PathBuf::from(path));
    }
    let on_path = env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = program.directories.iter().map(PathBuf::from).collect();
    directories.extend(env::split_paths(&on_path));
    let candidates = directories
        .iter()
        .flat_map(|directory| program.names.iter().map(|name| directory.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}
