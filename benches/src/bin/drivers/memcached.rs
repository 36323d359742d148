//! Memcached: what the least client takes that shares its writes. The store's client is its own, so there is no driver.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom::store::Id;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::compare::Contest;
use crate::subject::{self, Subject};
use crate::through::Through;

/// How many connections the store has when it is not told.
const CONNECTIONS: usize = 2;

/// What the store's items have before the body: format, three moments, no principal and no label.
const BEFORE_THE_BODY: usize = 1 + 24 + 2;

/// Connections without bounds and checks, and the store.
pub(crate) async fn contest(url: &str) -> Contest {
    Contest::default()
        .with("the least client, 2 connections", Alone::connect(url).await)
        .await
        .with("Cloakroom, Memcached", Through::open(url).await)
        .await
}

#[derive(Clone)]
struct Alone {
    lines: Arc<[mpsc::UnboundedSender<Call>]>,
    next: Arc<AtomicUsize>,
}

/// A command, and who waits for the answer.
type Call = (Vec<u8>, oneshot::Sender<Answer>);

/// The first line of an answer, and the value behind it.
type Answer = (String, Vec<u8>);

impl Alone {
    async fn connect(url: &str) -> Self {
        let address = url.trim_start_matches("memcache://");
        let mut lines = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(address).await.expect("a server");
            stream.set_nodelay(true).expect("a socket takes TCP_NODELAY");
            let (calls, queue) = mpsc::unbounded_channel();
            tokio::spawn(serve(stream, queue));
            lines.push(calls);
        }
        Self {
            lines: lines.into(),
            next: Arc::default(),
        }
    }

    async fn ask(&self, command: Vec<u8>) -> Answer {
        let (answer, answered) = oneshot::channel();
        let line = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        self.lines[line]
            .send((command, answer))
            .expect("the connection stays");
        answered.await.expect("the connection stays")
    }

    async fn applied(&self, key: &str, condition: String) -> u64 {
        let body = subject::record().body;
        let item = [[1; BEFORE_THE_BODY].as_slice(), &body].concat();
        let mut command = Vec::with_capacity(item.len() + 120);
        write!(command, "ms {key} {} c T0 O7 {condition}\r\n", item.len())
            .expect("a vector takes everything");
        command.extend_from_slice(&item);
        command.extend_from_slice(b"\r\n");
        let (line, _) = self.ask(command).await;
        let cas = line
            .strip_prefix("HD c")
            .and_then(|rest| rest.strip_suffix(" O7"));
        cas.and_then(|cas| cas.parse().ok())
            .unwrap_or_else(|| panic!("{line}"))
    }
}

impl Subject for Alone {
    type Held = (String, u64);

    async fn begin(&self, id: Id) -> Self::Held {
        let key = format!("the-least%bench%{id}");
        let cas = self.applied(&key, "ME".to_owned()).await;
        (key, cas)
    }

    async fn read(&self, (key, _): &Self::Held) {
        let (_, value) = self.ask(format!("mg {key} v c O7\r\n").into_bytes()).await;
        assert!(!value.is_empty());
    }

    async fn write(&self, (key, cas): &mut Self::Held) {
        *cas = self.applied(key, format!("C{cas}")).await;
    }
}

/// Sends what is queued in one write, and hands out what comes.
async fn serve(stream: TcpStream, mut queue: mpsc::UnboundedReceiver<Call>) {
    let (mut reader, mut writer) = stream.into_split();
    let (mut input, mut output, mut waiting) = (Vec::new(), Vec::new(), VecDeque::new());
    loop {
        input.reserve(16 << 10);
        tokio::select! {
            read = reader.read_buf(&mut input) => {
                assert!(read.expect("the connection stays") > 0);
                let mut taken = 0;
                while let Some((answer, length)) = parse(&input[taken..]) {
                    taken += length;
                    let who: oneshot::Sender<Answer> = waiting.pop_front().expect("somebody asked");
                    who.send(answer).expect("whoever asked waits");
                }
                input.drain(..taken);
            }
            call = queue.recv() => {
                let Some(mut call) = call else { return };
                // Whoever else is about to ask does so now.
                tokio::task::yield_now().await;
                loop {
                    let (command, answer) = call;
                    output.extend_from_slice(&command);
                    waiting.push_back(answer);
                    match queue.try_recv() {
                        Ok(next) => call = next,
                        Err(_) => break,
                    }
                }
                writer.write_all(&output).await.expect("the connection stays");
                output.clear();
            }
        }
    }
}

/// An answer and its length, once all of it is there.
fn parse(input: &[u8]) -> Option<(Answer, usize)> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let line = str::from_utf8(&input[..end - 1]).expect("a line is ASCII");
    let Some(rest) = line.strip_prefix("VA ") else {
        return Some(((line.to_owned(), Vec::new()), end + 1));
    };
    let size: usize = rest.split(' ').next()?.parse().expect("a number");
    let value = input.get(end + 1..end + 1 + size)?;
    input.get(end + 2 + size)?;
    Some(((line.to_owned(), value.to_vec()), end + 3 + size))
}
