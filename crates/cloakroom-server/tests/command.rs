//! The binary `cloakroom`, started as a person starts it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod support;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Output, Stdio};
use std::time::Duration;

use cloakroom_testbed::redis::Redis;
use support::visitor::Visitor;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

#[tokio::test]
async fn it_says_where_it_listens_and_what_to_try() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(&["--data", &data(&directory)]).await;
    assert!(
        running
            .said
            .contains(&format!("http://localhost:{}", running.port)),
        "{}",
        running.said
    );
    assert!(running.said.contains("sign up"), "{}", running.said);
    assert!(running.said.contains(&data(&directory)), "{}", running.said);
    assert_eq!(Visitor::new(running.port).get("/").await.status, 200);
    running.stop("TERM").await;
}

#[tokio::test]
async fn a_session_survives_a_stop_and_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--data", &data(&directory)];
    let mut running = Running::start(&arguments).await;
    let mut visitor = Visitor::new(running.port);
    visitor.sign_up("Ada").await;

    for (things, signal) in ["INT", "TERM", "KILL"].into_iter().enumerate() {
        visitor.post("/cart/add", &[("product", "encore")]).await;
        running.stop(signal).await;
        running = Running::start(&arguments).await;
        visitor.port = running.port;
        assert!(visitor.is_signed_in().await, "after {signal}");
        let count = format!("<span class=\"stepper-count\">{}</span>", things + 1);
        visitor.get("/cart").await.assert_shows(&count);
    }
    running.stop("TERM").await;
}

#[tokio::test]
async fn the_store_is_the_one_that_the_url_names() {
    let server = Redis::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sessions.db");
    for url in [format!("sqlite:{}", file.display()), server.url()] {
        let arguments = ["--store", url.as_str(), "--data", &data(&directory)];
        let running = Running::start(&arguments).await;
        let mut visitor = Visitor::new(running.port);
        visitor.sign_up(&url).await;
        running.stop("TERM").await;
        let running = Running::start(&arguments).await;
        visitor.port = running.port;
        assert!(visitor.is_signed_in().await, "{url}");
        running.stop("TERM").await;
    }
    assert!(file.is_file());
    assert!(server.command(&["KEYS", "cloakroom%*"]).contains("%s%"));
    assert!(!directory.path().join("sessions.redb").exists());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sentence = refusal(&["--store", "memory:", "--port", &port]).await;
    assert!(
        sentence.contains(&format!("port {port} on 127.0.0.1 is taken")),
        "{sentence}"
    );
    assert!(sentence.contains("--port"), "{sentence}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let inside = format!("{}/data", file.display());
    for data in [inside, file.display().to_string()] {
        let sentence = refusal(&["--port", "0", "--data", &data]).await;
        assert!(
            sentence.contains(&data) && sentence.contains("--data"),
            "{sentence}"
        );
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let first = Running::start(&["--data", &data(&directory)]).await;
    let sentence = refusal(&["--port", "0", "--data", &data(&directory)]).await;
    assert!(sentence.contains(&data(&directory)), "{sentence}");
    assert!(sentence.contains("another process"), "{sentence}");
    first.stop("TERM").await;
}

#[tokio::test]
async fn damaged_accounts_are_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let accounts = directory.path().join("users.json");
    fs::write(&accounts, "{").unwrap();
    let sentence = refusal(&["--port", "0", "--data", &data(&directory)]).await;
    assert!(sentence.contains("users.json are damaged"), "{sentence}");
    assert_eq!(fs::read_to_string(accounts).unwrap(), "{");
}

#[tokio::test]
async fn an_unknown_store_is_answered_with_the_known_ones() {
    let directory = tempfile::tempdir().unwrap();
    let sentence = refusal(&[
        "--port",
        "0",
        "--store",
        "etcd://someone:secret@host",
        "--data",
        &data(&directory),
    ])
    .await;
    assert!(!sentence.contains("secret"), "{sentence}");
    assert!(
        sentence.contains("etcd") && sentence.contains("memory:") && sentence.contains("disk:"),
        "{sentence}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_directory_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let data = format!("{}/new/data", directory.path().display());
    let running = Running::start(&["--data", &data]).await;
    Visitor::new(running.port).sign_up("Ada").await;
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        let (path, mode) = entry
            .map(|entry| (entry.path(), entry.metadata().unwrap().permissions().mode()))
            .unwrap();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    running.stop("TERM").await;
}

/// A process that listens.
struct Running {
    child: Child,
    port: u16,
    /// What it said until it was ready.
    said: String,
}

impl Running {
    /// Starts the demo on any free port.
    async fn start(arguments: &[&str]) -> Self {
        let mut command = demo(&[arguments, &["--port", "0"]].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let announcement = async {
            while !said.contains("Safari") {
                said += &lines
                    .next_line()
                    .await
                    .unwrap()
                    .expect("it says that it is ready");
                said.push('\n');
            }
        };
        timeout(PATIENCE, announcement)
            .await
            .expect("it is ready in time");
        let (_, port) = said.split_once("http://localhost:").expect("it says where");
        let port = port.lines().next().unwrap().parse().expect("a port is a number");
        Self { child, port, said }
    }

    /// Sends the signal, and sees that it stops: without complaint, unless it was killed.
    async fn stop(mut self, signal: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
        let stopped = timeout(PATIENCE, self.child.wait())
            .await
            .expect("it stops in time")
            .unwrap();
        assert_eq!(stopped.success(), signal != "KILL", "{stopped}");
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the demo where it cannot run, and answers the one line it says about it.
async fn refusal(arguments: &[&str]) -> String {
    let refused = timeout(PATIENCE, demo(arguments).env("RUST_BACKTRACE", "1").output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = refused.expect("it ends in time").unwrap();
    let sentence = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{sentence}");
    assert!(stdout.is_empty());
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    assert!(sentence.starts_with("cloakroom: "), "{sentence}");
    sentence
}

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
    command
        .arg("demo")
        .args(arguments)
        .kill_on_drop(true)
        .env_remove("RUST_LOG");
    command
}

fn data(directory: &TempDir) -> String {
    directory.path().to_str().unwrap().to_owned()
}
