//! A browser: sends requests over TCP, and keeps the session cookie the way browsers do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// The cookie's name.
pub(crate) const NAME: &str = "__Host-session";

/// The name of the cookie that holds a snapshot.
pub(crate) const SNAPSHOT: &str = "__Host-session-snapshot";

/// A browser with one cookie jar. Clones are tabs of it.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    jar: Arc<Mutex<Option<String>>>,
    /// What it has of the store's answers, where it keeps them.
    snapshot: Arc<Mutex<Option<String>>>,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            jar: Arc::default(),
            snapshot: Arc::default(),
        }
    }

    /// Another browser that has somehow got hold of this token, and of what this one keeps beside it.
    pub(crate) fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            address: self.address,
            jar: Arc::new(Mutex::new(Some(token.into()))),
            snapshot: copy(&self.snapshot),
        }
    }

    /// This browser, whose next requests reach another node.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            jar: Arc::clone(&self.jar),
            snapshot: Arc::clone(&self.snapshot),
        }
    }

    /// The token in its jar.
    pub(crate) fn token(&self) -> String {
        self.jar.lock().unwrap().clone().expect("a session cookie")
    }

    /// Whether there is none.
    pub(crate) fn has_no_cookie(&self) -> bool {
        self.jar.lock().unwrap().is_none()
    }

    /// Sends a request, such as `GET /read`, and takes up the cookie of the answer.
    pub(crate) async fn send(&self, request: &str) -> Answer {
        let pair = |name: &str, jar: &Mutex<Option<String>>| {
            let value = jar.lock().unwrap().clone()?;
            Some(format!("{name}={value}"))
        };
        let pairs = [pair(NAME, &self.jar), pair(SNAPSHOT, &self.snapshot)];
        let line = pairs.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let lines = Some(line).filter(|line| !line.is_empty());
        let answer = exchange(self.address, request, lines.as_slice()).await;
        if let Some(change) = answer.cookie() {
            *self.jar.lock().unwrap() = change;
        }
        if let Some(change) = answer.snapshot() {
            *self.snapshot.lock().unwrap() = change;
        }
        answer
    }

    /// Sends a request whose answer has to be a success.
    pub(crate) async fn ok(&self, request: &str) -> Answer {
        let answer = self.send(request).await;
        assert!(answer.status < 300, "{request}: {answer:?}");
        answer
    }

    /// Sends a request and does not wait for its answer.
    pub(crate) fn begin(&self, request: &str) -> JoinHandle<Answer> {
        let (tab, request) = (self.clone(), request.to_owned());
        tokio::spawn(async move { tab.send(&request).await })
    }

    /// What the session is, asked with this very cookie and without taking up another.
    pub(crate) async fn state(&self) -> State {
        let asked = self.with_token_or_none();
        let answer = asked.send("GET /read").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if let Some(Some(touched)) = answer.cookie() {
            // A sealed session whose idle stamp was due.
            assert!(
                touched.starts_with("v4.local."),
                "a read sets no cookie: {answer:?}"
            );
            *self.jar.lock().unwrap() = Some(touched);
        }
        if let Some(snapshot) = answer.snapshot() {
            *self.snapshot.lock().unwrap() = snapshot;
        }
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Another browser that has this one's token, and nothing that it keeps of what the store said.
    pub(crate) fn without_snapshot(&self) -> Self {
        Self {
            snapshot: Arc::default(),
            ..self.with_token_or_none()
        }
    }

    /// The ids of the principal's sessions, this one's first.
    pub(crate) async fn devices(&self) -> Vec<Device> {
        let answer = self.ok("GET /sessions").await;
        let mut devices: Vec<Device> = serde_json::from_str(&answer.body).unwrap();
        devices.sort_by_key(|device| !device.current);
        devices
    }

    fn with_token_or_none(&self) -> Self {
        Self {
            address: self.address,
            jar: copy(&self.jar),
            snapshot: copy(&self.snapshot),
        }
    }
}

fn copy(jar: &Mutex<Option<String>>) -> Arc<Mutex<Option<String>>> {
    Arc::new(Mutex::new(jar.lock().unwrap().clone()))
}

/// What `GET /read` says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct State {
    pub(crate) principal: Option<String>,
    pub(crate) data: Map<String, Value>,
}

impl State {
    pub(crate) fn of(principal: Option<&str>, data: Value) -> Self {
        let Value::Object(data) = data else {
            panic!("an object")
        };
        Self {
            principal: principal.map(str::to_owned),
            data,
        }
    }
}

/// An entry of what `GET /sessions` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) last_seen: Option<u64>,
    pub(crate) label: Option<String>,
    pub(crate) current: bool,
}

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// All values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter().filter(|(header, _)| header == name);
        values.map(|(_, value)| value.as_str()).collect()
    }

    /// The lines that do something to the session cookie.
    pub(crate) fn set_cookies(&self) -> Vec<String> {
        let lines = self.header("set-cookie");
        let is_ours = |line: &str| line.strip_prefix(NAME).is_some_and(|rest| rest.starts_with('='));
        let ours = lines.iter().filter(|line| is_ours(line));
        ours.map(|line| (*line).to_owned()).collect()
    }

    /// What the response does to the snapshot, where the strategy is hybrid.
    pub(crate) fn snapshot(&self) -> Option<Option<String>> {
        let lines = self.header("set-cookie");
        let line = lines
            .iter()
            .find_map(|line| line.strip_prefix(SNAPSHOT)?.strip_prefix('='))?;
        let (value, attributes) = line.split_once("; ").expect("attributes");
        Some((!attributes.contains("Max-Age=0")).then(|| value.to_owned()))
    }

    /// The token that the response hands out.
    pub(crate) fn token(&self) -> String {
        self.cookie().flatten().expect("a session cookie")
    }

    /// Whether the response takes the cookie away.
    pub(crate) fn removes_cookie(&self) -> bool {
        self.cookie() == Some(None)
    }

    pub(crate) fn assert_cookie_left_alone(&self, context: &str) {
        assert_eq!(self.set_cookies(), Vec::<String>::new(), "{context}: {self:?}");
    }

    /// The 503 of an outage.
    pub(crate) fn assert_outage(&self, context: &str) {
        assert_eq!(self.status, 503, "{context}: {self:?}");
        assert_eq!(self.header("retry-after"), ["5"], "{context}");
        assert!(self.body.contains("try again"), "{context}: {self:?}");
        self.assert_cookie_left_alone(context);
    }

    /// What the response does to the jar.
    fn cookie(&self) -> Option<Option<String>> {
        let lines = self.set_cookies();
        assert!(lines.len() <= 1, "one line for one cookie: {lines:?}");
        let line = lines.first()?;
        let (pair, attributes) = line.split_once("; ").expect("attributes");
        let value = pair.strip_prefix(NAME).and_then(|pair| pair.strip_prefix('='));
        let value = value.expect("a value").to_owned();
        // RFC 6265bis: a browser takes a `__Host-` cookie only with these.
        assert!(
            attributes.contains("Path=/") && attributes.contains("Secure"),
            "{line}"
        );
        Some(if attributes.contains("Max-Age=0") {
            None
        } else {
            Some(value)
        })
    }
}

/// Sends one request with these `Cookie` header lines, on a connection of its own.
pub(crate) async fn exchange(address: SocketAddr, request: &str, cookies: &[String]) -> Answer {
    let mut head =
        format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n");
    for line in cookies {
        head.push_str(&format!("Cookie: {line}\r\n"));
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    parse(&String::from_utf8(response).unwrap())
}

fn parse(response: &str) -> Answer {
    let (head, body) = response.split_once("\r\n\r\n").expect("a whole head");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        (name.to_ascii_lowercase(), value.to_owned())
    });
    Answer {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}
