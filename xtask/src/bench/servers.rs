//! The servers that stores are measured on: a program starts them, and they end with it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::{env, fs, process};

use super::programs::program;
use super::wrk;

/// Servers that run until this is dropped.
pub(super) struct Servers {
    urls: BTreeMap<String, String>,
    /// For stores without a server.
    directory: PathBuf,
    /// The same, in memory where there is such a file system.
    in_memory: PathBuf,
    process: Child,
    /// They end when it is closed.
    input: Option<ChildStdin>,
}

impl Servers {
    /// Starts them on the processor that the load comes from.
    pub(super) fn start() -> Result<Self, String> {
        let mut process = Command::new("taskset")
            .args(["-c", wrk::PROCESSOR])
            .arg(program("servers"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("could not start the servers: {error}"))?;
        let output = process.stdout.take().ok_or("the servers have an output")?;
        let mut urls = BTreeMap::new();
        let mut are_ready = false;
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| format!("could not read where the servers are: {error}"))?;
            if let Some((name, url)) = line.split_once(' ') {
                urls.insert(name.to_owned(), url.to_owned());
            } else if line == "ready" {
                are_ready = true;
                break;
            }
        }
        let servers = Self {
            urls,
            directory: make_directory(&env::temp_dir(), "files")?,
            in_memory: match Path::new("/dev/shm") {
                memory if memory.is_dir() => make_directory(memory, "files")?,
                _ => make_directory(&env::temp_dir(), "memory")?,
            },
            input: process.stdin.take(),
            process,
        };
        if are_ready {
            Ok(servers)
        } else {
            Err("the servers did not come up".to_owned())
        }
    }

    /// The URL of a store.
    pub(super) fn url(&self, store: &str) -> Result<String, String> {
        self.url_below(&self.directory, store)
    }

    /// The URL of a store whose files, if it has any, cost no wait for a disk.
    pub(super) fn url_in_memory(&self, store: &str) -> Result<String, String> {
        self.url_below(&self.in_memory, store)
    }

    fn url_below(&self, directory: &Path, store: &str) -> Result<String, String> {
        let file = |name: &str| format!("{store}:{}", directory.join(name).display());
        match store {
            "memory" => Ok("memory:".to_owned()),
            "disk" => Ok(file("disk")),
            "sqlite" => Ok(file("sessions.sqlite")),
            _ => self
                .urls
                .get(store)
                .cloned()
                .ok_or_else(|| format!("no server is called {store:?}")),
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended by itself, and what cannot be removed is where temporary files are.
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
        let _ = fs::remove_dir_all(&self.in_memory);
    }
}

fn make_directory(below: &Path, name: &str) -> Result<PathBuf, String> {
    let directory = below.join(format!("cloakroom-bench-{}-{name}", process::id()));
    fs::create_dir_all(&directory)
        .map_err(|error| format!("could not make {}: {error}", directory.display()))?;
    Ok(directory)
}
