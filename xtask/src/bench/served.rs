//! An app that is served: a process on a processor of its own, and what it has used of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::contenders::Contender;

/// The processor that apps are served on, one at a time.
pub(super) const PROCESSOR: &str = "0";

/// An app that is served until this is dropped.
pub(super) struct Served {
    process: Child,
    address: SocketAddr,
}

impl Served {
    pub(super) fn start(contender: &Contender, url: &str) -> Result<Self, String> {
        let failed = |what: String| format!("{}: {what}", contender.name);
        let mut process = Command::new("taskset")
            .args(["-c", PROCESSOR])
            .arg(contender.package.apps())
            .args(["serve", contender.app, url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(format!("could not start: {error}")))?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("the app has an output")?;
        let read = BufReader::new(output).read_line(&mut line);
        match (read, line.trim().parse()) {
            (Ok(_), Ok(address)) => Ok(Self { process, address }),
            _ => {
                stop(&mut process);
                Err(failed(format!("did not come up, and said {line:?}")))
            }
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much of its processor it has used since it began.
    pub(super) fn processor_time(&self) -> Result<Duration, String> {
        let path = format!("/proc/{}/stat", self.process.id());
        let stat = fs::read_to_string(&path).map_err(|error| format!("could not read {path}: {error}"))?;
        processor_time(&stat).ok_or_else(|| format!("{path} is not as Linux has it"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

fn stop(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    let _ = process.wait();
}

/// Time in user space and in the kernel, in ticks of a hundredth of a second.
fn processor_time(stat: &str) -> Option<Duration> {
    // The second field is the program's name, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_of_user_and_kernel() {
        let stat = "71 (a) b) R 1 1 1 0 -1 4194560 99 0 0 0 120 30 7 8 20 0 1 0 5 6 7";
        assert_eq!(processor_time(stat), Some(Duration::from_millis(1_500)));
    }
}
