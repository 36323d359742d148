//! Three processes that serve over one store: this test binary again, told by an environment variable to be the probe.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::{Parser as _, ValueEnum as _};
use cloakroom_probe::{Options, Strategy};
use tempfile::TempDir;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::operator::FILE;

const ARGUMENTS: &str = "CLOAKROOM_ROTATION_TEST_ARGUMENTS";

/// Three nodes.
pub(crate) struct Nodes {
    pub(crate) store: String,
    nodes: Vec<Node>,
}

struct Node {
    process: Child,
    port: u16,
    /// What it has logged so far.
    log: Arc<Mutex<Vec<String>>>,
}

impl Nodes {
    /// Starts them, over a store and the keys in this directory.
    pub(crate) fn start(strategy: Strategy, directory: &TempDir) -> Self {
        let path = |name| directory.path().join(name).display().to_string();
        let store = format!("sqlite:{}", path("sessions"));
        let strategy = strategy.to_possible_value().unwrap();
        let arguments = format!(
            "probe --listen 127.0.0.1:0 --strategy {} --store {store} --keys {}",
            strategy.get_name(),
            path(FILE)
        );
        let nodes = (0..3).map(|_| Node::start(&arguments)).collect();
        Self { store, nodes }
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// Waits until each of them has taken up so many changes of the file.
    pub(crate) async fn have_taken_up(&self, changes: usize) {
        for node in &self.nodes {
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            while node.lines("key ring changed").len() < changes {
                ticks.tick().await;
            }
        }
    }

    /// The warnings and errors in their logs.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let of = |node: &Node| [node.lines("WARN"), node.lines("ERROR")].concat();
        self.nodes.iter().flat_map(of).collect()
    }
}

impl Node {
    fn start(arguments: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "node::serves_as_it_is_told", "--nocapture"])
            .env(ARGUMENTS, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let announced = |line: std::io::Result<String>| {
            let line = line.unwrap();
            let (_, address) = line.split_once("listening on ")?;
            Some(address.rsplit_once(':')?.1.parse().unwrap())
        };
        let port = lines.find_map(announced).expect("it listens");
        let log = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&log);
        // It ends with the process.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        Self { process, port, log }
    }

    fn lines(&self, with: &str) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.contains(with)).cloned().collect()
    }
}

impl Drop for Node {
    /// It ends when nobody is there any more.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

/// Does nothing in the process that runs the tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_as_it_is_told() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else {
        return;
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(std::io::stdout);
    let ours = Targets::new().with_target("cloakroom", LevelFilter::INFO);
    tracing_subscriber::registry().with(lines).with(ours).init();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let options = Options::parse_from(arguments.split(' '));
    cloakroom_probe::serve(&options).await.unwrap();
}
