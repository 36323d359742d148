//! One connection: takes what is queued, sends it in one go, and hands every answer to whoever asked.
//!
//! # Why this client is our own
//!
//! No client library shares writes among concurrent requests: each has one command under way per connection. With
//! 64 tasks, 95 % reads of 300 bytes, memcached 1.6.18 with one thread and the client on a core each:
//!
//! | client | commands per second | client CPU for one |
//! |---|---|---|
//! | async-memcached 0.9, a connection per task | 67,000 to 79,000 | 11.5 to 14 us |
//! | memcache 0.21 `exp`, pooled | 54,000 to 71,000 | 18 us |
//! | pipelined like this one, without the yield | 73,000 to 101,000 | 10 us |
//! | pipelined, one yield before each write | 291,000 | 2.6 us |
//!
//! Both keep a cancelled call from handing its answer to the next, by closing the connection: with one connection
//! for many that would fail everybody else's calls too. async-memcached 0.9 speaks to one server, over IPv4 only,
//! through `&mut self`. memcache 0.21 calls its `exp` module experimental, has no Unix sockets in it, and dials and
//! sends once more by itself. What a session store needs is four commands of the meta protocol.
//!
//! # What keeps answers apart
//!
//! One task owns the socket. Answers come in the order of the commands, and each repeats the number of its
//! command. Whoever gives up only drops their end of a channel: the answer still comes, and is dropped. Anything
//! that is not the expected answer, and a command that stays unanswered for too long, ends the connection, and
//! everybody who waits on it hears so. Nothing is sent twice.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::command::Encoded;
use super::failure::Failure;
use super::reply::{self, Answer};

/// A command, and who waits for its answer.
pub(super) struct Call {
    pub(super) command: Encoded,
    /// When it was asked: what the patience counts from.
    pub(super) begun: Instant,
    pub(super) answer: oneshot::Sender<Result<Answer, Failure>>,
}

/// What is written at once, about: more waits for the next write.
const BATCH: usize = 64 << 10;

/// How much room there is for what comes, at least.
const ROOM: usize = 16 << 10;

/// Answers calls until the connection ends, and says why it did; `None` when nobody can call any more.
pub(super) async fn serve(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    calls: &mut Receiver<Call>,
    patience: Duration,
) -> Option<Failure> {
    let mut pipeline = Pipeline::default();
    // Moved only when it has gone off: that is once in a while, and not with every call.
    let mut alarm = pin!(sleep(patience));
    let ended = loop {
        pipeline.make_room();
        let Pipeline {
            output,
            input,
            waiting,
            ..
        } = &mut pipeline;
        tokio::select! {
            // The alarm first, or a server that sends without end would keep it from going off. Then what is ready to
            // be sent: the server works on it while answers are read.
            biased;
            () = &mut alarm, if !waiting.is_empty() => match pipeline.overdue(patience) {
                Ok(next) => alarm.as_mut().reset(next),
                Err(failure) => break failure,
            },
            written = writer.write(output), if !output.is_empty() => {
                if let Err(failure) = pipeline.wrote(written) {
                    break failure;
                }
            }
            read = reader.read_buf(input) => {
                if let Err(failure) = received(read).and_then(|()| pipeline.answer()) {
                    break failure;
                }
            }
            call = calls.recv(), if output.is_empty() => {
                pipeline.send(call?);
                // Whoever else is about to ask does so now: their commands leave in the same write.
                tokio::task::yield_now().await;
                while pipeline.output.len() < BATCH
                    && let Ok(call) = calls.try_recv()
                {
                    pipeline.send(call);
                }
            }
        }
    };
    // First, so that whoever hears of it and asks again finds no ended connection.
    calls.close();
    for Waiting { answer, .. } in pipeline.waiting {
        // Who has given up does not listen.
        let _ = answer.send(Err(ended.clone()));
    }
    Some(ended)
}

/// What is on its way out, what has come in, and who waits for what.
#[derive(Default)]
struct Pipeline {
    output: Vec<u8>,
    input: Vec<u8>,
    /// In the order of the commands, which is the order of the answers.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    /// The number the answer must carry, if it carries one.
    number: Option<u32>,
    begun: Instant,
    answer: oneshot::Sender<Result<Answer, Failure>>,
}

impl Pipeline {
    fn send(&mut self, call: Call) {
        let Call {
            command,
            begun,
            answer,
        } = call;
        if answer.is_closed() {
            return; // Whoever asked has gone, and what was never sent need not happen.
        }
        self.output.extend_from_slice(&command.bytes);
        self.waiting.push_back(Waiting {
            number: command.number,
            begun,
            answer,
        });
    }

    /// Hands out every answer that has come whole.
    fn answer(&mut self) -> Result<(), Failure> {
        const UNASKED: &str = "it answered something that was not asked: the connection was closed";
        let mut read = 0;
        while let Some((reply, length)) = reply::parse(&self.input[read..])
            .map_err(|violation| Failure::unavailable(format!("{violation}: the connection was closed")))?
        {
            read += length;
            let next = self.waiting.pop_front();
            let expected = next.filter(|next| match reply.number {
                Some(number) => next.number == Some(number),
                None => carries_none(&reply.answer) || next.number.is_none(),
            });
            let Some(waiting) = expected else {
                return Err(Failure::unavailable(UNASKED));
            };
            // Who has given up does not listen.
            let _ = waiting.answer.send(Ok(reply.answer));
        }
        self.input.drain(..read);
        match self.waiting.is_empty() && !self.input.is_empty() {
            // At once, whole or not: while nobody waits, no alarm would end what never becomes whole.
            true => Err(Failure::unavailable(UNASKED)),
            false => Ok(()),
        }
    }

    fn wrote(&mut self, written: io::Result<usize>) -> Result<(), Failure> {
        match written {
            Ok(0) => Err(closed()),
            Ok(length) => {
                self.output.drain(..length);
                Ok(())
            }
            Err(error) => Err(broken(&error)),
        }
    }

    /// When the oldest command has waited long enough; a failure when that is now.
    fn overdue(&self, patience: Duration) -> Result<Instant, Failure> {
        let now = Instant::now();
        let due = self.waiting.front().map_or(now, |oldest| oldest.begun) + patience;
        if due > now {
            return Ok(due);
        }
        Err(Failure::unavailable(format!(
            "no answer within {patience:?} (operation_timeout): see whether it runs, and is not swapping"
        )))
    }

    /// Makes room for what comes, and gives back what a large item has left.
    fn make_room(&mut self) {
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.is_empty() {
                buffer.shrink_to(BATCH);
            }
        }
        self.input.reserve(ROOM);
    }
}

/// Answers that may come without the number of their command: errors, and on older servers "no such item".
fn carries_none(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::TooLarge | Answer::OutOfMemory | Answer::Missing | Answer::Refused
    )
}

fn received(read: io::Result<usize>) -> Result<(), Failure> {
    match read {
        Ok(0) => Err(closed()),
        Ok(_) => Ok(()),
        Err(error) => Err(broken(&error)),
    }
}

fn closed() -> Failure {
    Failure::unavailable("it closed the connection")
}

fn broken(error: &io::Error) -> Failure {
    Failure::unavailable(format!("the connection broke: {error}"))
}

#[cfg(test)]
mod tests;
