//! Starts an example and asks it, as a browser would: what the examples' tests share.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::collections::BTreeMap;
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
        Self::start_with(path, &[])
    }

    /// Starts it with what it is told after the address.
    pub fn start_with(path: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new(path)
            .arg("127.0.0.1:0")
            .args(arguments)
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
        Visitor::of(self.address)
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub fn terminate(mut self) {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.process.wait().unwrap().success(), "it ends in order");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

/// A browser that keeps the cookies it is given.
#[derive(Clone)]
pub struct Visitor {
    address: SocketAddr,
    cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub body: String,
}

impl Visitor {
    /// A browser without cookies, that asks who is at this address.
    pub fn of(address: SocketAddr) -> Self {
        Self {
            address,
            cookies: BTreeMap::new(),
        }
    }

    /// The same browser, asking somebody else.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// Asks for a page, and answers what is on it.
    pub fn get(&mut self, path: &str) -> String {
        self.expect("GET", path)
    }

    /// Sends an empty form, and answers what is on the page that comes back.
    pub fn post(&mut self, path: &str) -> String {
        self.expect("POST", path)
    }

    fn expect(&mut self, method: &str, path: &str) -> String {
        let response = self.send(method, path);
        assert_eq!(response.status, 200, "{response:?}");
        response.body
    }

    /// Sends a request, and answers whatever comes back.
    pub fn send(&mut self, method: &str, path: &str) -> Response {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookie = match pairs.as_slice() {
            [] => String::new(),
            pairs => format!("Cookie: {}\r\n", pairs.join("; ")),
        };
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n{cookie}\r\n"
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        for line in head.lines() {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            if name.eq_ignore_ascii_case("set-cookie") {
                self.keep(value);
            }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Response {
            status: status.expect("a status"),
            body: body.to_owned(),
        }
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
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
