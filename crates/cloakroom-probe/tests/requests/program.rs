//! The program: what it is told on the command line, and that it finds on disk what it left there.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::browser::{Browser, State};
use crate::encodings::times;
use crate::servers::{self, GET, Reached};
use crate::stage::server_key_bytes;

#[test]
fn who_is_signed_in_survives_that_the_program_is_killed() {
    let directory = TempDir::new().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, server_key_bytes(1)).unwrap();
    let store = format!("disk:{}", directory.path().join("sessions").display());
    let arguments = ["--store", &store, "--key-file", key.to_str().unwrap()];
    let token = {
        let probe = Probe::start(&arguments);
        let browser = probe.browser();
        wait(async {
            browser.ok("POST /sign-in?principal=alice").await;
            browser.ok("POST /set?key=cart&value=full&delay_ms=1").await;
        });
        browser.token()
    };
    let probe = Probe::start(&arguments);
    let state = wait(probe.browser().with_token(token).state());
    assert_eq!(state, State::of(Some("alice"), json!({"cart": "full"})));
}

#[test]
fn the_program_serves_with_actix_web_as_well() {
    let probe = Probe::start(&["--store", "memory:", "--framework", "actix"]);
    let browser = probe.browser();
    wait(async {
        browser.ok("POST /sign-in?principal=alice").await;
        browser.ok("POST /set?key=cart&value=full&delay_ms=1").await;
        assert_eq!(browser.send("POST /panic?key=k&value=v").await.status, 500);
        let expected = State::of(Some("alice"), json!({"cart": "full"}));
        assert_eq!(browser.state().await, expected);
    });
}

#[test]
fn who_has_signed_out_stays_so_when_the_program_is_killed() {
    let directory = TempDir::new().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, server_key_bytes(1)).unwrap();
    let store = format!("disk:{}", directory.path().join("marks").display());
    let arguments = ["--strategy", "sealed", "--store", &store];
    assert!(refused(&arguments).contains("--key-file"));
    let arguments = [&arguments[..], &["--key-file", key.to_str().unwrap()]].concat();
    let (captured, kept) = {
        let probe = Probe::start(&arguments);
        let (browser, other) = (probe.browser(), probe.browser());
        wait(async {
            browser.ok("POST /sign-in?principal=alice").await;
            other.ok("POST /sign-in?principal=alice").await;
            other.ok("POST /set?key=cart&value=full").await;
            let captured = browser.token();
            browser.ok("POST /sign-out").await;
            (captured, other.token())
        })
    };
    let probe = Probe::start(&arguments);
    let state = |token| wait(probe.browser().with_token(token).state());
    assert_eq!(state(captured), State::default());
    assert_eq!(state(kept), State::of(Some("alice"), json!({"cart": "full"})));
}

#[test]
fn a_program_that_keeps_copies_is_told_by_redis_what_another_one_ended() {
    let Reached { url, tap } = servers::redis();
    let tap = tap.unwrap();
    // For longer than the test may take.
    let arguments = ["--store", &url, "--copied-for", "3600000"];
    let (here, there) = (Probe::start(&arguments), Probe::start(&arguments));
    wait(async {
        let browser = here.browser();
        browser.ok("POST /sign-in?principal=alice").await;
        let captured = there.browser().with_token(browser.token());
        let is_read_from_a_copy = async || {
            let before = times(&tap.bytes(), GET);
            assert_eq!(captured.state().await, State::of(Some("alice"), json!({})));
            times(&tap.bytes(), GET) == before
        };
        let copied_and_ended = async {
            while !is_read_from_a_copy().await {}
            browser.ok("POST /sign-out").await;
            while captured.state().await != State::default() {}
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), copied_and_ended).await;
        assert!(in_time.is_ok(), "there is no copy, or nobody was told");
    });
}

#[test]
fn a_key_is_raw_bytes_or_hex_digits() {
    let directory = TempDir::new().unwrap();
    let key = directory.path().join("key");
    let hex: String = server_key_bytes(1)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    std::fs::write(&key, format!("{hex}\n")).unwrap();
    let arguments = ["--store", "memory:", "--key-file", key.to_str().unwrap()];
    wait(Probe::start(&arguments).browser().ok("GET /read"));
    for wrong in [&hex[1..], "", "correct horse battery staple 123"] {
        std::fs::write(&key, wrong).unwrap();
        assert!(refused(&arguments).contains("--key-file"), "{wrong:?}");
    }
    assert!(refused(&with_key(Path::new("/nonexistent"))).contains("--key-file /nonexistent"));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence_that_names_it() {
    let check = |arguments: &[&str], says: &[&str]| {
        let message = refused(arguments);
        for word in says {
            assert!(
                message.contains(word),
                "{arguments:?} says {message:?}, without {word:?}"
            );
        }
    };
    check(&["--store", "cloud:"], &["cloud:", "memory:", "disk:PATH"]);
    check(&["--store", "memory"], &["memory:", "disk:PATH"]);
    let memory = ["--store", "memory:"];
    let with = |more: [&'static str; 2]| [memory[0], memory[1], more[0], more[1]];
    check(&with(["--strategy", "dreamt"]), &["--strategy", "stored"]);
    check(&with(["--framework", "rocket"]), &["--framework", "axum, actix"]);
    check(&with(["--absolute", "60"]), &["--absolute 60", "--idle 1800"]);
    check(&with(["--idle", "0"]), &["--idle", "at least one second"]);
    check(&with(["--idle", "soon"]), &["--idle", "soon"]);
    assert!(!refused(&["--store", "mongodb://bob:hush@host/db"]).contains("hush"));
}

fn with_key(key: &Path) -> [&str; 4] {
    ["--store", "memory:", "--key-file", key.to_str().unwrap()]
}

/// A running probe, killed when it is dropped.
struct Probe {
    process: Child,
    address: std::net::SocketAddr,
}

impl Probe {
    fn start(arguments: &[&str]) -> Self {
        let mut process = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = process.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").expect("it is ready");
        Self {
            address: address.trim_end().parse().unwrap(),
            process,
        }
    }

    fn browser(&self) -> Browser {
        Browser::new(self.address)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What the program says when it refuses these arguments.
fn refused(arguments: &[&str]) -> String {
    let output = command(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom-probe"));
    command.args(["--listen", "127.0.0.1:0"]).args(arguments);
    command
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
