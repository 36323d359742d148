//! Starts an example and asks it, as a browser would: what the examples' tests share.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// A running example, killed when it is dropped.
pub struct Program {
    process: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts it on a port of its own, and waits until it listens.
    pub fn start(path: &str) -> Self {
        let mut process = Command::new(path)
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.expect("it says where it listens").parse().unwrap();
        Self { process, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A browser without cookies.
    pub fn visitor(&self) -> Visitor {
        Visitor {
            address: self.address,
            cookie: None,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A browser that keeps the one cookie it is given.
pub struct Visitor {
    address: SocketAddr,
    cookie: Option<String>,
}

impl Visitor {
    /// Asks for a page, and answers what is on it.
    pub fn get(&mut self, path: &str) -> String {
        let cookie = self.cookie.iter().map(|pair| format!("Cookie: {pair}\r\n"));
        let cookie: String = cookie.collect();
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookie}\r\n"
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        for line in head.lines() {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            if name.eq_ignore_ascii_case("set-cookie") {
                self.cookie = value.split(';').next().map(str::to_owned);
            }
        }
        body.to_owned()
    }
}

/// Asserts that a program counts the visits of each browser by itself.
pub fn assert_counts(program: &Program) {
    let (mut alice, mut bob) = (program.visitor(), program.visitor());
    for number in 1..=3 {
        assert_eq!(alice.get("/"), format!("visit number {number}"));
    }
    assert_eq!(bob.get("/"), "visit number 1");
    assert_eq!(alice.get("/"), "visit number 4");
}
