//! Begins sessions over HTTP, and hands out their cookies.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any app takes to answer one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is signed in, as `harness` has it: what `/read` answers.
const USER: &str = "user-00000042";

/// Begins so many sessions, and checks that they can be read.
///
/// # Errors
///
/// When anything is not answered as it should be.
pub(super) fn begin(app: SocketAddr, count: usize) -> Result<Vec<String>, String> {
    let mut browser = Browser::open(app)?;
    let cookies: Vec<String> = (0..count)
        .map(|_| {
            browser
                .send("POST", "/begin", "")?
                .cookie
                .ok_or("no session began".to_owned())
        })
        .collect::<Result<_, _>>()?;
    for cookie in cookies.first().into_iter().chain(cookies.last()) {
        check(&mut browser, cookie)?;
    }
    Ok(cookies)
}

/// How long the cookie is, name and value, of a session with one value of so many bytes.
///
/// # Errors
///
/// When no session begins.
pub(super) fn cookie_bytes(app: SocketAddr, bytes: usize) -> Result<usize, String> {
    let path = format!("/size/{bytes}");
    let answer = Browser::open(app)?.send("POST", &path, "")?;
    answer
        .cookie
        .map(|cookie| cookie.len())
        .ok_or(format!("{path} began no session"))
}

/// Checks that every route does what is to be measured, in a session that has begun.
fn check(browser: &mut Browser, cookie: &str) -> Result<(), String> {
    for (method, path, cookie, body, sets_cookie) in [
        ("GET", "/plain", "", USER, false),
        ("GET", "/unused", "", "nothing", false),
        ("GET", "/read", cookie, USER, false),
        ("POST", "/write", cookie, "written", false),
        ("GET", "/read", cookie, USER, false),
        ("POST", "/sign-in", "", "signed in", true),
    ] {
        let answer = browser.send(method, path, cookie)?;
        if answer.body != body || (sets_cookie && answer.cookie.is_none()) {
            return Err(format!("{method} {path} was answered with {:?}", answer.body));
        }
    }
    Ok(())
}

/// One connection, on which one request follows the other.
struct Browser {
    stream: BufReader<TcpStream>,
}

struct Answer {
    /// Name and value, if the answer sets one.
    cookie: Option<String>,
    body: String,
}

impl Browser {
    fn open(app: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(app).map_err(|error| format!("could not reach the app: {error}"))?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .map_err(|error| format!("could not set a timeout: {error}"))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    fn send(&mut self, method: &str, path: &str, cookie: &str) -> Result<Answer, String> {
        let failed = |error| format!("{method} {path} had no answer: {error}");
        let cookie = match cookie {
            "" => String::new(),
            cookie => format!("cookie: {cookie}\r\n"),
        };
        let request = format!("{method} {path} HTTP/1.1\r\nhost: shop.example.com\r\n{cookie}\r\n");
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .map_err(failed)?;

        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).map_err(failed)?;
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let status = head.first().map_or("", String::as_str);
        if !status.starts_with("HTTP/1.1 200 ") {
            return Err(format!("{method} {path} was answered with {status:?}"));
        }
        let header = |name: &str| {
            head.iter()
                .filter_map(|line| line.split_once(": "))
                .find(|(given, _)| given.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
        };
        let length = header("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(failed)?;
        Ok(Answer {
            cookie: header("set-cookie").map(|line| line.split(';').next().unwrap_or_default().to_owned()),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}
