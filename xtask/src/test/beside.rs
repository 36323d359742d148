//! A step that runs beside another one, as a process of its own, and is heard when both are done.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A step at work.
pub(super) struct Beside {
    name: &'static str,
    /// What it says goes here.
    output: PathBuf,
    ending: JoinHandle<(Duration, io::Result<ExitStatus>)>,
}

impl Beside {
    /// Starts it. What it needs is there by now.
    pub(super) fn start(name: &'static str) -> Result<Self, String> {
        let output = env::temp_dir().join(format!("cloakroom-{name}-{}", std::process::id()));
        let start = || {
            let file = File::create(&output)?;
            Command::new(env::current_exe()?)
                .args(["test", "--no-install", "--only", name])
                .stdin(Stdio::null())
                .stdout(file.try_clone()?)
                .stderr(file)
                .spawn()
        };
        let mut process = start().map_err(|error| format!("could not start {name}: {error}"))?;
        let started = Instant::now();
        let ending = thread::spawn(move || {
            let status = process.wait();
            (started.elapsed(), status)
        });
        Ok(Self { name, output, ending })
    }

    /// Waits until it has ended, and says what it has said: how long it took, and whether it went well.
    pub(super) fn end(self) -> (Duration, Result<(), String>) {
        let Self { name, output, ending } = self;
        let (time, status) = ending.join().expect("waiting does not panic");
        let said = fs::read(&output).unwrap_or_default();
        println!("{}", String::from_utf8_lossy(&said));
        // It lies among what is temporary.
        let _ = fs::remove_file(&output);
        let outcome = match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("it ended with {status}, and says why above")),
            Err(error) => Err(format!("could not wait for {name}: {error}")),
        };
        (time, outcome)
    }
}
