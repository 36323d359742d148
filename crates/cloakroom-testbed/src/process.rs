//! One process of a server: started, stopped hard, paused, and never left behind.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A running process. It is killed when this is dropped, and when the process that started it ends.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program as this user, with its output going to a file.
    pub(crate) fn start(program: &Path, arguments: &[OsString], user: Option<&str>, log: &Path) -> Self {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap_or_else(|error| panic!("could not write {}: {error}", log.display()));
        // The kernel ends the server with us, however we end.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = user {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command
            .arg("--")
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be copied"))
            .stderr(output);
        let child =
            spawn(command).unwrap_or_else(|error| panic!("could not start {}: {error}", program.display()));
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Signals it, and those that it started: a server may be a family of processes.
    pub(crate) fn signal_family(&self, signal: Signal) {
        // Stopped first, so that it starts nobody while they are listed; and listed before it is gone, when they are
        // nobody's children.
        self.signal(Signal::STOP);
        // Until it has had its turn it may still start somebody whom nobody would tell.
        while moves(self.id()) {
            thread::sleep(Duration::from_millis(1));
        }
        for child in children(self.0.id()) {
            send(child, signal);
        }
        self.signal(signal);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.0.id(), signal);
    }

    /// Freezes it with those that it started, and waits until every thread stands still: the signal reaches one thread
    /// of each first, and on a busy machine the others go on until that one has had its turn.
    pub(crate) fn freeze(&self) {
        self.signal_family(Signal::STOP);
        let family = || children(self.id()).into_iter().chain([self.id()]);
        while family().any(moves) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) {
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal_family(Signal::KILL);
        self.wait();
    }
}

fn send(process: u32, signal: Signal) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    // It may have ended by itself, and then there is nobody to tell.
    let _ = kill_process(pid.expect("a child has a process id"), signal);
}

/// Whether any thread of a process is neither stopped nor gone.
fn moves(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads.into_iter().any(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:"));
        state.is_some_and(|state| !state.trim_start().starts_with(['T', 't', 'Z', 'X']))
    })
}

/// The children of a process, as the kernel knows them.
fn children(process: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let listed = listed.unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Starts a process from a thread that lives as long as we do: the kernel goes by the thread that started it, and
/// that of a test ends with the test.
fn spawn(command: Command) -> std::io::Result<Child> {
    type Order = (Command, Sender<std::io::Result<Child>>);
    static STARTER: OnceLock<Sender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, received) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in received {
                // Whoever asked may have given up.
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, answered) = channel();
    starter
        .send((command, answer))
        .expect("the thread that starts servers never ends");
    answered.recv().expect("the thread that starts servers answers")
}
