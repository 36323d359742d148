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
    /// What it says of itself, and of the page that made it send a request.
    agent: &'static str,
    site: &'static str,
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Where it sends the browser, if anywhere.
    pub location: Option<String>,
    pub body: String,
}

/// The page that a browser got to.
#[derive(Debug)]
pub struct Page {
    /// Its address, without the host.
    pub path: String,
    pub status: u16,
    pub body: String,
}

impl Visitor {
    /// A browser without cookies, that asks who is at this address.
    pub fn of(address: SocketAddr) -> Self {
        Self {
            address,
            cookies: BTreeMap::new(),
            agent: "visitor",
            site: "same-origin",
        }
    }

    /// The same browser, which says that it is this one.
    pub fn named(self, agent: &'static str) -> Self {
        Self { agent, ..self }
    }

    /// The same browser, where a page of this site makes it send what it sends: `cross-site`, say.
    pub fn made_by(self, site: &'static str) -> Self {
        Self { site, ..self }
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

    /// Opens a page, and answers the one it got to.
    pub fn open(&mut self, path: &str) -> Page {
        let response = self.send("GET", path);
        self.follow(path, response)
    }

    /// Sends a form (`name=ada&password=…`), and answers the page it got to.
    pub fn submit(&mut self, path: &str, form: &str) -> Page {
        let response = self.request("POST", path, form);
        self.follow(path, response)
    }

    /// Goes where the responses send it.
    fn follow(&mut self, path: &str, mut response: Response) -> Page {
        let mut path = path.to_owned();
        while let Some(location) = response.location.take() {
            response = self.send("GET", &location);
            path = location;
        }
        Page {
            path,
            status: response.status,
            body: response.body,
        }
    }

    /// Sends a request, and answers whatever comes back.
    pub fn send(&mut self, method: &str, path: &str) -> Response {
        self.request(method, path, "")
    }

    /// The cookies it sends: the value of the header.
    pub fn cookie(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn request(&mut self, method: &str, path: &str, form: &str) -> Response {
        let cookie = match self.cookie() {
            cookies if cookies.is_empty() => cookies,
            cookies => format!("Cookie: {cookies}\r\n"),
        };
        let mut stream = TcpStream::connect(self.address).unwrap();
        let (agent, site, length) = (self.agent, self.site, form.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: text/html\r\n\
             User-Agent: {agent}\r\nSec-Fetch-Site: {site}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{cookie}\r\n{form}"
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let mut location = None;
        for line in head.lines() {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            if name.eq_ignore_ascii_case("set-cookie") {
                self.keep(value);
            }
            if name.eq_ignore_ascii_case("location") {
                location = Some(value.to_owned());
            }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Response {
            status: status.expect("a status"),
            location,
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
