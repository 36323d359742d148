//! Keeps one connection alive: makes it, notices when it is dead, and makes it again.

use std::pin::pin;
use std::sync::Arc;

use cloakroom_store::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::driver::Shared;
use super::failure;
use super::given_up::GivenUp;
use super::line::Line;
use super::opening::{self, Opening, settings};
use super::statements::Statements;
use crate::stores::backoff::Backoff;

/// What the keepers tell those who ask: one place for each connection.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) live: Vec<Option<Arc<Line>>>,
    /// Why the last attempt to connect failed, until one succeeds.
    pub(super) trouble: Option<String>,
}

/// Keeps one of the connections.
pub(super) struct Keeper {
    pub(super) opening: Arc<Opening>,
    pub(super) lines: Arc<watch::Sender<Lines>>,
    pub(super) given_up: Arc<GivenUp>,
    /// Its place among the lines.
    pub(super) place: usize,
}

/// A connection that is ready, and the half of it that has to be driven.
pub(super) type Ready = (Arc<Line>, Shared);

impl Keeper {
    /// Keeps the connection until nobody holds the store any more. Begins with this one, if there is one.
    pub(super) async fn keep(self, first: Option<Ready>) {
        let mut next = first;
        let mut backoff = Backoff::reconnecting();
        loop {
            let (line, driver) = match next.take() {
                Some(ready) => ready,
                None => tokio::select! {
                    ready = self.ready_again() => ready,
                    () = self.lines.closed() => return,
                },
            };
            self.lines.send_modify(|lines| {
                lines.live[self.place] = Some(Arc::clone(&line));
                lines.trouble = None;
            });
            let begun = Instant::now();
            self.drive(&line, driver).await;
            line.give_up();
            self.lines.send_modify(|lines| lines.live[self.place] = None);
            if self.lines.is_closed() {
                return;
            }
            self.given_up.remember(line.process());
            sleep(backoff.after_connection(begun.elapsed())).await;
        }
    }

    /// Drives a connection until it breaks, does not answer, or is not needed any more.
    async fn drive(&self, line: &Line, driver: Shared) {
        let mut driver = pin!(driver);
        let mut closed = pin!(self.lines.closed());
        loop {
            tokio::select! {
                _ = &mut driver => return,
                () = &mut closed => return,
                () = line.suspected() => {}
            }
            let patience = self.opening.options.server.operation_timeout;
            let answers = tokio::select! {
                _ = &mut driver => false,
                () = &mut closed => false,
                answers = timeout(patience, line.answers()) => answers.unwrap_or(false),
            };
            if !answers {
                // What was asked and not answered goes down with it: nobody else is given such an answer.
                return;
            }
        }
    }

    /// Connects, however often it takes.
    async fn ready_again(&self) -> Ready {
        let mut backoff = Backoff::reconnecting();
        loop {
            match ready(&self.opening).await {
                Ok(ready) => return ready,
                Err(error) => self
                    .lines
                    .send_modify(|lines| lines.trouble = Some(story(&error))),
            }
            sleep(backoff.pause()).await;
        }
    }
}

/// Opens a connection that is set and has its statements prepared.
pub(super) async fn ready(opening: &Opening) -> Result<Ready, Error> {
    let (client, driver) = opening.open().await?;
    let mut driver = Shared::new(driver);
    let preparing = async {
        let process = opening::set(&client, &settings(&opening.options)).await?;
        Ok((process, Statements::prepare(&client).await?))
    };
    let preparing = timeout(opening.options.server.connect_timeout, preparing);
    let prepared = tokio::select! {
        biased;
        prepared = preparing => prepared.map_err(|_elapsed| failure::too_slow("prepare statements", &opening.address))?,
        broken = &mut driver => Err(broken.expect_err("a connection only ends by itself when it breaks")),
    };
    let (process, statements) =
        prepared.map_err(|error| failure::of_call("prepare statements", &opening.address, &error))?;
    Ok((Arc::new(Line::new(client, process, statements)), driver))
}

/// An error and its causes in one line.
fn story(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"))
}
