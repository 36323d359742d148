//! A visitor without a browser: plain HTTP, a cookie jar, and every header in the test's own hands.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Somebody who asks for pages and keeps cookies.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) port: u16,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) user_agent: &'static str,
    pub(crate) accept: &'static str,
}

impl Visitor {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            cookies: BTreeMap::new(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            accept: "text/html,*/*;q=0.8",
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.ask("GET", path, &[], "").await
    }

    /// Sends a form as a browser does from a page of the shop.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_with(path, form, &[("Sec-Fetch-Site", "same-origin")])
            .await
    }

    /// Sends a form with these headers.
    pub(crate) async fn post_with(
        &mut self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Page {
        let headers = [headers, &[FORM]].concat();
        self.ask("POST", path, &headers, &encoded(form)).await
    }

    /// Begins to send a form, and answers once the page behind it has loaded the session and waits for the rest.
    pub(crate) async fn begin_post(&self, path: &str, form: &[(&str, &str)]) -> Begun {
        let rest = encoded(form);
        let head = self.head("POST", path, &[FORM, ("Expect", "100-continue")], rest.len());
        let mut stream = self.connect().await;
        stream.write_all(head.as_bytes()).await.expect("the shop reads");
        // RFC 9110 §10.1.1. The server says it when somebody asks for the body, which pages do after the session.
        let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut interim).await.expect("the shop answers");
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        Begun { stream, rest }
    }

    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Page {
        let head = self.head(method, path, headers, body.len());
        let page = exchange(self.connect().await, &(head + body)).await;
        self.keep(&page);
        page
    }

    /// Signs up and is signed in.
    pub(crate) async fn sign_up(&mut self, name: &str) {
        let page = self
            .post("/sign-up", &[("name", name), ("password", PASSWORD)])
            .await;
        assert_eq!((page.status, page.header("location")), (303, Some("/account")));
    }

    /// Signs in to an account of [`Self::sign_up`].
    pub(crate) async fn sign_in(&mut self, name: &str) {
        let page = self
            .post("/sign-in", &[("name", name), ("password", PASSWORD)])
            .await;
        assert_eq!((page.status, page.header("location")), (303, Some("/account")));
    }

    pub(crate) async fn is_signed_in(&mut self) -> bool {
        match self.get("/account").await.status {
            200 => true,
            303 => false,
            status => panic!("the account answered {status}"),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port))
            .await
            .expect("the shop listens")
    }

    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\n", self.port);
        head += &format!("Connection: close\r\nContent-Length: {length}\r\n");
        head += &format!("User-Agent: {}\r\nAccept: {}\r\n", self.user_agent, self.accept);
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            head += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head + "\r\n"
    }

    fn keep(&mut self, page: &Page) {
        for line in page.headers("set-cookie") {
            let (cookie, attributes) = line.split_once(';').expect("a cookie has attributes");
            let (name, value) = cookie.split_once('=').expect("a cookie has a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A password that is long enough.
pub(crate) const PASSWORD: &str = "correct horse";

/// A form that is half sent.
pub(crate) struct Begun {
    stream: TcpStream,
    rest: String,
}

impl Begun {
    /// Sends the other half.
    pub(crate) async fn finish(self) -> Page {
        exchange(self.stream, &self.rest).await
    }
}

/// What the shop answered.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(named, _)| named == name)
            .map(|(_, value)| value.as_str())
    }

    /// How often this text is on the page.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.body.matches(text).count()
    }

    #[track_caller]
    pub(crate) fn assert_shows(&self, text: &str) {
        assert!(
            self.body.contains(text),
            "{text:?} is not on the page:\n{}",
            self.body
        );
    }

    #[track_caller]
    pub(crate) fn assert_hides(&self, text: &str) {
        assert!(
            !self.body.contains(text),
            "{text:?} is on the page:\n{}",
            self.body
        );
    }

    fn parse(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .expect("a status line");
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a header has a value");
            (name.to_lowercase(), value.to_owned())
        });
        Self {
            status: status.parse().expect("a status is a number"),
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// Sends a request, or the rest of one, and reads the answer.
async fn exchange(mut stream: TcpStream, request: &str) -> Page {
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the shop reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("the shop answers in UTF-8");
    Page::parse(&answer)
}

fn encoded(form: &[(&str, &str)]) -> String {
    let fields: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    fields.join("&")
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
