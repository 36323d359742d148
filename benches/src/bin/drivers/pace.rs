//! How fast something goes: many tasks at once for a second, in turns.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, process};

use crate::subject::{self, Subject};

/// How many tasks there are, each with an operation under way.
const TASKS: usize = 64;

/// How many sessions each task has: they take turns.
const SESSIONS: usize = 16;

/// How long a turn takes.
const TURN: Duration = Duration::from_secs(1);

/// What is done in a turn.
#[derive(Clone, Copy)]
pub(crate) enum Verb {
    Read,
    Write,
}

impl Verb {
    pub(crate) const ALL: [Self; 2] = [Self::Read, Self::Write];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What was seen in a turn.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) per_second: f64,
    /// Microseconds of this process's processor time for each operation.
    pub(crate) processor: f64,
    /// How many pieces it sent for each operation, at least.
    pub(crate) pieces: f64,
}

/// A subject and the sessions of its tasks.
pub(crate) struct Runner<S: Subject> {
    subject: S,
    held: Vec<Vec<S::Held>>,
}

impl<S: Subject> Runner<S> {
    /// Begins the sessions. Every subject has another number.
    pub(crate) async fn begin(subject: S, number: usize) -> Self {
        let begun: Vec<_> = (0..TASKS)
            .map(|task| {
                let subject = subject.clone();
                tokio::spawn(async move {
                    let mut sessions = Vec::new();
                    for session in 0..SESSIONS {
                        sessions.push(subject.begin(subject::id(number, task, session)).await);
                    }
                    sessions
                })
            })
            .collect();
        let mut held = Vec::new();
        for sessions in begun {
            held.push(sessions.await.expect("nothing fails"));
        }
        Self { subject, held }
    }

    /// Does as much as can be done in a turn.
    pub(crate) async fn turn(&mut self, verb: Verb) -> Pace {
        let (before, begun) = (Used::now(), Instant::now());
        let operations = self.run(verb, usize::MAX, Some(TURN)).await;
        let (elapsed, after) = (begun.elapsed(), Used::now());
        let each = |amount: f64| amount / operations as f64;
        Pace {
            per_second: operations as f64 / elapsed.as_secs_f64(),
            processor: each((after.processor - before.processor).as_secs_f64() * 1e6),
            pieces: each((after.writes - before.writes).max(after.segments - before.segments) as f64),
        }
    }

    /// Does so much, however long it takes.
    pub(crate) async fn repeat(&mut self, verb: Verb, operations: usize) {
        self.run(verb, operations / TASKS, None).await;
    }

    /// Each task does at most so much. Answers how much all have done.
    async fn run(&mut self, verb: Verb, most: usize, time: Option<Duration>) -> usize {
        let ended = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = std::mem::take(&mut self.held)
            .into_iter()
            .map(|mut held| {
                let (subject, ended) = (self.subject.clone(), Arc::clone(&ended));
                tokio::spawn(async move {
                    let mut operations = 0;
                    while operations < most && !ended.load(Ordering::Relaxed) {
                        let session = &mut held[operations % SESSIONS];
                        match verb {
                            Verb::Read => subject.read(session).await,
                            Verb::Write => subject.write(session).await,
                        }
                        operations += 1;
                        // One that never waits, because it reads in this task, lets others have a turn as well.
                        tokio::task::coop::consume_budget().await;
                    }
                    (held, operations)
                })
            })
            .collect();
        if let Some(time) = time {
            tokio::time::sleep(time).await;
            ended.store(true, Ordering::Relaxed);
        }
        let mut operations = 0;
        for task in tasks {
            let (held, done) = task.await.expect("nothing fails");
            self.held.push(held);
            operations += done;
        }
        operations
    }
}

/// What this process has used since it began.
struct Used {
    processor: Duration,
    /// How often it called `write` or `writev`; `send` is not counted.
    writes: u64,
    /// How many segments with data the kernel has sent on its connections: fewer than it was given, where it was
    /// given the next before the last had left.
    segments: u64,
}

impl Used {
    fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").expect("Linux has it");
        let (_, fields) = stat.rsplit_once(") ").expect("it has a name");
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("a number")).sum();
        Self {
            processor: Duration::from_millis(ticks * 10),
            writes: writes(),
            segments: segments().unwrap_or(0),
        }
    }
}

fn writes() -> u64 {
    let io = fs::read_to_string("/proc/self/io").expect("Linux has it");
    let writes = io.lines().find_map(|line| line.strip_prefix("syscw: "));
    let writes = writes.and_then(|writes| writes.parse().ok());
    writes.expect("it is counted")
}

/// As `ss` shows them, where it is installed.
fn segments() -> Option<u64> {
    let arguments = ["--tcp", "--info", "--processes", "--numeric", "--no-header"];
    let sockets = Command::new("ss").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&sockets.stdout).into_owned();
    let ours = format!("pid={},", process::id());
    let lines: Vec<&str> = text.lines().collect();
    let connections = lines.windows(2).filter(|pair| pair[0].contains(&ours));
    let sent = connections.filter_map(|pair| {
        let (_, rest) = pair[1].split_once("data_segs_out:")?;
        rest.split(' ').next()?.parse::<u64>().ok()
    });
    Some(sent.sum())
}
