//! The connections that requests share, and the bound on how long one waits.

use std::sync::Arc;

use cloakroom_store::{Error, ErrorKind};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::failure;
use super::given_up::{GivenUp, Work, not_sent};
use super::keeper::{self, Keeper, Lines};
use super::line::Line;
use super::opening::Opening;
use super::statements::Prepared;

/// A few connections; each request goes to the one that has the least to do.
pub(super) struct Connections {
    opening: Arc<Opening>,
    given_up: Arc<GivenUp>,
    /// Closed with the store: that is how the keepers learn that they are done.
    lines: watch::Receiver<Lines>,
}

impl Connections {
    /// Opens the first connection, and has the others opened meanwhile.
    ///
    /// # Errors
    ///
    /// When the first cannot be opened.
    pub(super) async fn open(opening: Arc<Opening>, given_up: Arc<GivenUp>) -> Result<Self, Error> {
        let first = keeper::ready(&opening).await?;
        let count = opening.options.server.connections.get();
        let (sender, lines) = watch::channel(Lines {
            live: vec![None; count],
            trouble: None,
        });
        let sender = Arc::new(sender);
        let mut first = Some(first);
        for place in 0..count {
            let keeper = Keeper {
                opening: Arc::clone(&opening),
                lines: Arc::clone(&sender),
                given_up: Arc::clone(&given_up),
                place,
            };
            tokio::spawn(keeper.keep(first.take()));
        }
        Ok(Self {
            opening,
            given_up,
            lines,
        })
    }

    /// Asks the server one thing, and answers within the time to wait and the time to operate.
    ///
    /// # Errors
    ///
    /// When there is no connection, it breaks, the server refuses, or does not answer in time. Whether what was asked
    /// has happened is not known then.
    pub(super) async fn ask<T>(
        &self,
        doing: &str,
        work: Work,
        ask: impl AsyncFnOnce(Prepared<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let Opening { address, options, .. } = &*self.opening;
        let (line, _place) = timeout(options.server.wait_timeout, self.line())
            .await
            .map_err(|_elapsed| self.no_line(doing))?;
        let unanswered = line.watch();
        let asking = async {
            let prepared = line.prepared();
            match self.given_up.lets_pass(work, prepared.client).await? {
                true => ask(prepared).await.map(Some),
                false => Ok(None),
            }
        };
        match timeout(options.server.operation_timeout, asking).await {
            Ok(answer) => {
                unanswered.answered();
                let answer = answer.map_err(|error| failure::of_call(doing, address, &error))?;
                answer.ok_or_else(|| not_sent(doing, address))
            }
            Err(_elapsed) => Err(failure::too_slow(doing, address)),
        }
    }

    /// A place on the connection that has the least to do, once there is one.
    async fn line(&self) -> (Arc<Line>, OwnedSemaphorePermit) {
        let mut lines = self.lines.clone();
        loop {
            let least = {
                let lines = lines.borrow_and_update();
                let live = lines.live.iter().flatten();
                live.min_by_key(|line| line.reluctance()).map(Arc::clone)
            };
            if let Some(line) = least {
                if let Some(place) = line.place().await {
                    return (line, place);
                }
            } else if lines.changed().await.is_err() {
                // The keepers are gone, with the runtime that they were spawned on.
                std::future::pending::<()>().await;
            }
        }
    }

    fn no_line(&self, doing: &str) -> Error {
        let address = &self.opening.address;
        let lines = self.lines.borrow();
        if lines.live.iter().any(Option::is_some) {
            return Error::new(
                ErrorKind::Unavailable,
                format!(
                    "could not {doing} in {address}: too many requests wait; raise connections, or look for what \
                     makes the server slow"
                ),
            );
        }
        let error = Error::new(
            ErrorKind::Unavailable,
            format!("could not {doing} in {address}: there is no connection; it is tried again"),
        );
        match &lines.trouble {
            Some(trouble) => error.with_source(trouble.clone()),
            None => error,
        }
    }
}
