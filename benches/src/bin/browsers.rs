//! Browsers that keep their cookies: 64 of them, each with a session, one request after the other, of which 95 in a hundred
//! read and the others write.
//!
//! ```text
//! browsers ADDRESS MILLISECONDS
//! ```
//!
//! Prints how many requests were answered.

use std::collections::HashMap;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

const BROWSERS: u64 = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, millis] = &arguments[..] else {
        return Err("usage: browsers ADDRESS MILLISECONDS".into());
    };
    let (address, millis) = (address.parse()?, millis.parse()?);
    let mut browsing = JoinSet::new();
    for number in 0..BROWSERS {
        browsing.spawn(browse(address, Duration::from_millis(millis), number));
    }
    let mut answered = 0;
    while let Some(browsed) = browsing.join_next().await {
        answered += browsed??;
    }
    println!("{answered}");
    Ok(())
}

/// One browser. How many of its requests were answered in time.
async fn browse(address: SocketAddr, lasts: Duration, number: u64) -> io::Result<u64> {
    let mut browser = Browser {
        stream: TcpStream::connect(address).await?,
        cookies: HashMap::new(),
        received: Vec::new(),
    };
    browser.stream.set_nodelay(true)?;
    browser.send("POST /begin").await?;
    let until = Instant::now() + lasts;
    let mut answered = 0;
    while Instant::now() < until {
        // Each writes at another time.
        let writes = (answered + number * 7) % 20 == 0;
        browser
            .send(if writes { "POST /write" } else { "GET /read" })
            .await?;
        answered += 1;
    }
    Ok(answered)
}

struct Browser {
    stream: TcpStream,
    cookies: HashMap<String, String>,
    received: Vec<u8>,
}

impl Browser {
    /// Sends a request, and takes up the cookies of the answer.
    async fn send(&mut self, request: &str) -> io::Result<()> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let length = if request.starts_with("POST") {
            "Content-Length: 0\r\n"
        } else {
            ""
        };
        let text = format!(
            "{request} HTTP/1.1\r\nHost: shop.example.com\r\n{length}Cookie: {}\r\n\r\n",
            pairs.join("; ")
        );
        self.stream.write_all(text.as_bytes()).await?;
        self.received.clear();
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
        if !head.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(head));
        }
        let mut body = 0;
        for line in head.lines() {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                body = value.parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("set-cookie") {
                self.keep(value);
            }
        }
        while self.received.len() < end + body {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        if let Some((name, value)) = pair.split_once('=') {
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
