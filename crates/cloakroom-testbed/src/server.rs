//! A server on a port of its own, that can be stopped, paused and started again over what it kept.

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::Process;
use crate::{Program, directory};

/// How a server is started, and how one sees that it is ready.
///
/// The same every time: what a server kept is in its directory, and its port stays the same.
// Complete: whoever starts a server says all of it.
#[allow(clippy::exhaustive_structs, clippy::type_complexity)]
pub struct Launch {
    /// What the server is called in messages.
    pub name: &'static str,
    /// The program.
    pub program: Program,
    /// The user it runs as, where it refuses to run as root.
    pub user: Option<&'static str>,
    /// What it is told, on this port and in this directory.
    pub arguments: Box<dyn Fn(u16, &Path) -> Vec<OsString> + Send + Sync>,
    /// Whether it takes requests on this port.
    pub ready: Box<dyn Fn(u16) -> bool + Send + Sync>,
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A server on a port of its own. It ends when this is dropped, or with the process that started it.
#[derive(Debug)]
pub struct Server {
    launch: Launch,
    port: u16,
    directory: PathBuf,
    process: Mutex<Option<Process>>,
}

/// Longer than any server takes to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Makes a directory for the server, prepares it, and starts the server in it.
    ///
    /// # Panics
    ///
    /// When the server does not come up: with the end of its log.
    pub fn start(launch: Launch, prepare: impl FnOnce(&Path)) -> Self {
        let directory = directory::new(launch.name);
        prepare(&directory);
        let server = Self {
            port: free_port(),
            directory,
            process: Mutex::new(None),
            launch,
        };
        server.start_again();
        server
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it keeps its files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process().as_ref().map(Process::id)
    }

    /// Kills it as hard as it can be done (SIGKILL), and waits until it is gone.
    pub fn stop(&self) {
        // Dropping kills.
        drop(self.process().take());
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub fn terminate(&self) {
        if let Some(mut process) = self.process().take() {
            process.signal(Signal::TERM);
            process.wait();
        }
    }

    /// Starts it over what it kept, unless it runs, and waits until it takes requests.
    ///
    /// # Panics
    ///
    /// When it does not come up: with the end of its log.
    pub fn start_again(&self) {
        let mut running = self.process();
        if running.as_mut().is_some_and(Process::runs) {
            return;
        }
        let Launch {
            program,
            user,
            arguments,
            ready,
            ..
        } = &self.launch;
        let log = self.log();
        let begun = Instant::now();
        *running = None;
        while begun.elapsed() < PATIENCE {
            // A server that has just been killed may still hold the port or a lock: it is tried again.
            let process = running.get_or_insert_with(|| {
                let arguments = arguments(self.port, &self.directory);
                Process::start(&program.path(), &arguments, *user, &log)
            });
            if !process.runs() {
                *running = None;
            } else if ready(self.port) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!(
            "{} did not come up within {PATIENCE:?}; its log ends:\n{}",
            self.launch.name,
            self.end_of_log()
        );
    }

    /// Freezes it (SIGSTOP): connections stay open, the kernel takes new ones, and nothing is answered.
    pub fn pause(&self) {
        if let Some(process) = self.process().as_ref() {
            process.freeze();
        }
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        if let Some(process) = self.process().as_ref() {
            process.signal_family(Signal::CONT);
        }
    }

    /// The file its output goes to.
    pub fn log(&self) -> PathBuf {
        self.directory.join("output.log")
    }

    fn end_of_log(&self) -> String {
        let log = std::fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).into_owned()
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            // It may have failed by itself, and its directory goes.
            eprintln!("the log of {} ends:\n{}", self.launch.name, self.end_of_log());
        }
        self.stop();
        // What is left for the janitor is only what could not be removed now.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A port that nobody listens on at this moment, and that this process has not given before.
///
/// Below those that the kernel gives to outgoing connections: while a server is stopped, a client that tries to reach
/// one of those may be given it itself, and then speaks to itself.
pub(crate) fn free_port() -> u16 {
    let address = listen_on_free_port().local_addr();
    address.expect("a listener has an address").port()
}

/// A listener on a port as [`free_port`] answers.
///
/// Whoever listens in this process takes this one: to let go and bind anew fails while another thread starts a process,
/// which has all that is open here until it becomes another program.
pub(crate) fn listen_on_free_port() -> TcpListener {
    const FIRST: u16 = 12_000;
    const LAST: u16 = 32_000;
    static GIVEN: Mutex<u16> = Mutex::new(0);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Processes that run at the same time begin in different places.
    let begin = (std::process::id() as u16).wrapping_mul(7919);
    for _ in FIRST..LAST {
        *given += 1;
        let port = FIRST + begin.wrapping_add(*given) % (LAST - FIRST);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener;
        }
    }
    panic!("no port between {FIRST} and {LAST} is free");
}
