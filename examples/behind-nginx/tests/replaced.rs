//! Nodes are replaced one after the other while users work: nobody is signed out, and no request fails.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cloakroom_testbed::redis::Redis;
use visitor::{Program, Visitor};

const USERS: usize = 8;

#[test]
fn nobody_notices_that_nodes_are_replaced() {
    let redis = Redis::start();
    let address = free_address();
    let origin = format!("http://{address}");
    let start = || Program::start_with(env!("CARGO_BIN_EXE_behind-nginx"), &[&redis.url(), &origin]);
    let mut nodes: Vec<Program> = (0..3).map(|_| start()).collect();
    let mut all: Vec<SocketAddr> = nodes.iter().map(Program::address).collect();
    let nginx = Nginx::start(address, &nodes);
    let mut elsewhere = Visitor::of(all[0]).made_by("cross-site");
    assert_eq!(elsewhere.send("POST", "/sign-in").status, 403);
    let (done, requests) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..USERS {
            scope.spawn(|| work(nginx.address, &done, &requests));
        }
        for replaced in 0..3 {
            // Each of the nodes has served somebody since the last change.
            wait_until(|| {
                requests.load(Ordering::SeqCst) > (replaced + 1) * 50 || done.load(Ordering::SeqCst)
            });
            nodes.push(start());
            all.extend(nodes.last().map(Program::address));
            let old = nodes.remove(0);
            nginx.take_up(&nodes);
            old.terminate();
        }
        let before = requests.load(Ordering::SeqCst);
        wait_until(|| requests.load(Ordering::SeqCst) > before + 100 || done.load(Ordering::SeqCst));
        done.store(true, Ordering::SeqCst);
    });
    let served = nginx.end();
    assert_eq!(served.len() as u64, requests.load(Ordering::SeqCst));
    let failed: Vec<_> = served.iter().filter(|request| request.status != "200").collect();
    assert!(failed.is_empty(), "beyond what nginx sent again: {failed:?}");
    for node in all {
        let by_it = served.iter().filter(|request| request.by == node.to_string());
        assert!(by_it.count() > 0, "{node} has served nobody");
    }
    let again = served.iter().filter(|request| request.tried > 1).count();
    println!(
        "{} requests, none failed, {again} sent again by nginx",
        served.len()
    );
}

/// Signs in and puts coats in the session, one request after the other: each must find what the ones before left.
fn work(nginx: SocketAddr, done: &AtomicBool, requests: &AtomicU64) {
    // Whoever fails ends the test instead of letting the others wait.
    let failing = Failing(done);
    let mut user = Visitor::of(nginx);
    assert_eq!(user.post("/sign-in"), "signed in");
    requests.fetch_add(1, Ordering::SeqCst);
    let mut coats = 0;
    while !done.load(Ordering::SeqCst) {
        coats += 1;
        assert_eq!(user.post("/add"), format!("{coats} coats"));
        requests.fetch_add(1, Ordering::SeqCst);
        assert_eq!(user.get("/"), format!("alice has {coats} coats"));
        requests.fetch_add(1, Ordering::SeqCst);
    }
    std::mem::forget(failing);
}

struct Failing<'a>(&'a AtomicBool);

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// nginx, with the example's configuration.
struct Nginx {
    process: Child,
    directory: tempfile::TempDir,
    address: SocketAddr,
}

impl Nginx {
    fn start(address: SocketAddr, nodes: &[Program]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("nginx.conf"), configuration(address, nodes)).unwrap();
        let process = nginx(directory.path())
            .args(["-g", "daemon off;"])
            .spawn()
            .unwrap();
        let nginx = Self {
            process,
            directory,
            address,
        };
        wait_until(|| std::net::TcpStream::connect(address).is_ok());
        nginx
    }

    /// Takes up other nodes, and waits until it has let go of the ones before.
    fn take_up(&self, nodes: &[Program]) {
        let file = self.directory.path().join("nginx.conf");
        std::fs::write(file, configuration(self.address, nodes)).unwrap();
        let before = self.workers();
        let status = nginx(self.directory.path())
            .args(["-s", "reload"])
            .status()
            .unwrap();
        assert!(status.success());
        // Workers end when their last request is answered.
        wait_until(|| {
            let now = self.workers();
            !now.is_empty() && before.iter().all(|worker| !now.contains(worker))
        });
    }

    /// Ends it, when it has answered everybody, and reads what became of each request.
    fn end(self) -> Vec<Served> {
        let log = self.directory.path().join("served");
        let quit = nginx(self.directory.path()).args(["-s", "quit"]).status();
        assert!(quit.unwrap().success());
        wait_until(|| self.workers().is_empty());
        let log = std::fs::read_to_string(log).unwrap();
        log.lines().map(Served::read).collect()
    }

    /// The process ids of its workers.
    fn workers(&self) -> Vec<String> {
        let id = self.process.id();
        // It has none, when it is gone itself.
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        children.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            let _ = nginx(self.directory.path()).args(["-s", "stop"]).status();
            self.process.wait().unwrap();
        }
    }
}

/// A request, as nginx saw it.
#[derive(Debug)]
struct Served {
    status: String,
    /// The node that answered, the last of those that were tried.
    by: String,
    tried: usize,
}

impl Served {
    /// From a line of its log: the status, and the addresses of the nodes.
    fn read(line: &str) -> Self {
        let (status, nodes) = line.split_once(' ').unwrap();
        let nodes: Vec<&str> = nodes.split(", ").collect();
        Self {
            status: status.to_owned(),
            by: nodes.last().unwrap().to_string(),
            tried: nodes.len(),
        }
    }
}

fn nginx(directory: &Path) -> Command {
    let mut command = Command::new("nginx");
    let path = std::env::var("PATH").unwrap_or_default();
    // Where Debian has it, for who is not root.
    command.env("PATH", format!("{path}:/usr/sbin"));
    command
        .arg("-p")
        .arg(directory)
        .args(["-e", "stderr", "-c"])
        .arg(directory.join("nginx.conf"));
    command.stdin(Stdio::null());
    command
}

/// The configuration of the example, with other ports, and a log of who served whom.
fn configuration(address: SocketAddr, nodes: &[Program]) -> String {
    let log = "log_format served '$status $upstream_addr'; access_log served served;";
    let mut text = include_str!("../nginx.conf")
        .replace("127.0.0.1:8080", &address.to_string())
        .replace("access_log off;", log);
    assert!(
        text.contains(log),
        "it keeps no log in the example's configuration"
    );
    for (port, node) in [3001, 3002, 3003].into_iter().zip(nodes) {
        let from = format!("127.0.0.1:{port};");
        assert!(text.contains(&from), "it is in the example's configuration");
        text = text.replace(&from, &format!("{};", node.address()));
    }
    text
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it took too long");
        thread::sleep(Duration::from_millis(10));
    }
}
