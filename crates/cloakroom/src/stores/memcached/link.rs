//! A place for one connection: made when it is needed, made anew when it has ended.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use super::address::{Address, Credentials};
use super::command::Command;
use super::connection::{self, Call};
use super::dial::{self, Settings};
use super::failure::Failure;
use super::reply::Answer;

/// What a connection is made with.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) credentials: Option<Credentials>,
    pub(super) connect_timeout: Duration,
    pub(super) wait_timeout: Duration,
    pub(super) operation_timeout: Duration,
}

/// Where there is at most one connection at a time.
///
/// Its task is started by whoever needs it and finds none, so an outage ends with the first call after it, and
/// nothing runs meanwhile. It also lives in the runtime of that call: a store outlives the runtime it was opened
/// in.
pub(super) struct Link {
    target: Arc<Target>,
    /// Guards only the swap of an ended connection for a new one.
    line: Mutex<Option<Arc<Line>>>,
}

/// How many calls may wait to be sent on one connection: more than a server answers within an `operation_timeout`.
const QUEUED: usize = 1 << 18;

/// What a call hears for which there is no room.
const FULL: &str = "too many calls wait already: see whether it is overloaded";

/// The way to the task of a connection.
struct Line {
    calls: Sender<Call>,
    /// The number of the next command.
    next: AtomicU32,
    status: watch::Receiver<Status>,
}

#[derive(Clone)]
enum Status {
    Connecting,
    Ready(Settings),
    Ended(Failure),
}

impl Link {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            line: Mutex::new(None),
        }
    }

    /// Connects, unless there is a connection. Takes as long as connecting may.
    pub(super) async fn connect(&self) -> Result<Settings, Failure> {
        self.line().ready().await
    }

    /// Asks the server one thing: waits so long for a connection, and so long for the answer.
    pub(super) async fn ask(&self, command: Command<'_>) -> Result<Answer, Failure> {
        let line = self.line();
        if !line.is_ready() {
            let wait = self.target.wait_timeout;
            timeout(wait, line.ready()).await.map_err(|_elapsed| {
                Failure::unavailable(format!(
                    "no connection within {wait:?} (wait_timeout): see whether it runs and answers"
                ))
            })??;
        }
        let (answer, answered) = oneshot::channel();
        let call = Call {
            command: command.encode(line.next.fetch_add(1, Ordering::Relaxed)),
            begun: Instant::now(),
            answer,
        };
        // The connection bounds the wait: it answers every call, or ends and drops it.
        match line.calls.try_send(call) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => return Err(line.ended()),
            Err(TrySendError::Full(_)) => return Err(Failure::unavailable(FULL)),
        }
        answered.await.unwrap_or_else(|_dropped| Err(line.ended()))
    }

    /// The connection there is, or a new one under way.
    fn line(&self) -> Arc<Line> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        match &*line {
            Some(line) if !line.calls.is_closed() => Arc::clone(line),
            _ => Arc::clone(line.insert(Arc::new(Line::start(Arc::clone(&self.target))))),
        }
    }
}

impl Line {
    fn start(target: Arc<Target>) -> Self {
        let (calls, queue) = mpsc::channel(QUEUED);
        let (now, status) = watch::channel(Status::Connecting);
        tokio::spawn(run(target, queue, now));
        Self {
            calls,
            next: AtomicU32::new(0),
            status,
        }
    }

    fn is_ready(&self) -> bool {
        matches!(*self.status.borrow(), Status::Ready(_))
    }

    /// Waits until there is a connection, or it is clear that there will be none.
    async fn ready(&self) -> Result<Settings, Failure> {
        let mut status = self.status.clone();
        let status = status
            .wait_for(|status| !matches!(status, Status::Connecting))
            .await
            .map(|status| status.clone());
        match status {
            Ok(Status::Ready(settings)) => Ok(settings),
            Ok(Status::Connecting) | Err(_) => Err(self.ended()),
            Ok(Status::Ended(failure)) => Err(failure),
        }
    }

    /// Why there is no connection any more.
    fn ended(&self) -> Failure {
        match &*self.status.borrow() {
            Status::Ended(failure) => failure.clone(),
            _ => Failure::unavailable("the runtime that held the connection has shut down"),
        }
    }
}

/// The life of a connection.
async fn run(target: Arc<Target>, mut calls: Receiver<Call>, status: watch::Sender<Status>) {
    let within = target.connect_timeout;
    let dialing = dial::dial(&target.address, target.credentials.as_ref());
    let ended = match timeout(within, dialing).await {
        Ok(Ok((socket, settings))) => {
            status.send_replace(Status::Ready(settings));
            let patience = target.operation_timeout;
            match connection::serve(socket.reader, socket.writer, &mut calls, patience).await {
                Some(ended) => ended,
                None => return,
            }
        }
        Ok(Err(failure)) => failure,
        Err(_elapsed) => Failure::unavailable(format!(
            "no connection within {within:?} (connect_timeout): see whether it runs and answers"
        )),
    };
    // From here on a call makes a new connection. Those in the queue were never sent, and hear why when they are dropped.
    calls.close();
    status.send_replace(Status::Ended(ended));
    // To the last: one that is being queued at this moment is in no queue yet that could be dropped with it.
    while calls.recv().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::sync::oneshot::error::TryRecvError;
    use tokio::task::yield_now;

    use super::*;

    /// Queueing takes two steps, a place and then the call, and the connection ends between them.
    #[tokio::test]
    async fn a_call_that_is_being_queued_as_the_connection_ends_hears_of_it() {
        let second = Duration::from_secs(1);
        let line = Line::start(Arc::new(Target {
            address: Address::Unix(PathBuf::from("/there/is/no/such/socket")),
            credentials: None,
            connect_timeout: second,
            wait_timeout: second,
            operation_timeout: second,
        }));
        let place = line.calls.try_reserve().expect("there is room");
        assert!(line.ready().await.is_err() && line.calls.is_closed());
        let (answer, mut answered) = oneshot::channel();
        place.send(Call {
            command: Command::Noop.encode(0),
            begun: Instant::now(),
            answer,
        });
        // Whoever has anything left to do does it now: this is the only thread.
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(matches!(answered.try_recv(), Err(TryRecvError::Closed)));
    }
}
