//! How much of the machine is used by processes that are not ours: what they take, a measurement lacks.

use std::collections::BTreeMap;
use std::fs;
use std::process;
use std::time::{Duration, Instant};

/// Begins to watch.
pub(super) struct Others {
    since: Instant,
    used: Option<Used>,
}

/// Ticks of processor time since the machine began, of all processes and of ours.
#[derive(Clone, Copy)]
struct Used {
    all: u64,
    ours: u64,
}

/// A process, as `/proc/PID/stat` has it.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    /// Ticks, with those of children that have ended and were waited for.
    used: u64,
}

/// The kernel counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

impl Others {
    pub(super) fn watch() -> Self {
        Self {
            since: Instant::now(),
            used: used(),
        }
    }

    /// The share of one processor that others have used since then, or nothing where it cannot be told.
    pub(super) fn share(&self) -> Option<f64> {
        let (before, now) = (self.used?, used()?);
        let others = (now.all - before.all).saturating_sub(now.ours - before.ours);
        let ticks = self.since.elapsed().as_secs_f64() / TICK.as_secs_f64();
        Some(others as f64 / ticks)
    }
}

fn used() -> Option<Used> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let times: Vec<u64> = times.map(|time| time.parse().unwrap_or(0)).collect();
    // User, nice and system, and what the machine below us has taken.
    let all = times.get(..3)?.iter().sum::<u64>() + times.get(7)?;
    Some(Used { all, ours: ours()? })
}

/// Of this process and all that it has started.
fn ours() -> Option<u64> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // It may have ended meanwhile.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(stat) = parse(&stat) {
            processes.insert(id, stat);
        }
    }
    let is_ours = |mut id: u32| loop {
        if id == process::id() {
            return true;
        }
        match processes.get(&id) {
            Some(process) => id = process.parent,
            None => return false,
        }
    };
    let ours = processes.iter().filter(|(id, _)| is_ours(**id));
    Some(ours.map(|(_, process)| process.used).sum())
}

fn parse(stat: &str) -> Option<Stat> {
    // The second field is the program's name, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let used = fields.get(11..15)?.iter().map(|field| field.parse().unwrap_or(0));
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        used: used.sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_behind_its_name() {
        let stat = "71 (a) b) R 42 1 1 0 -1 4194560 99 0 0 0 120 30 7 8 20 0 1 0 5 6 7";
        assert_eq!(
            parse(stat),
            Some(Stat {
                parent: 42,
                used: 165
            })
        );
        assert_eq!(parse(""), None);
    }

    #[test]
    fn this_process_is_ours() {
        assert!(ours().is_some());
    }
}
