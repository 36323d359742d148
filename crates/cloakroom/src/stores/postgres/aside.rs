//! A connection of its own for what takes longer than a request may hold up others.

use std::sync::Arc;

use cloakroom_store::{Error, ErrorKind};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::driver::Shared;
use super::failure;
use super::given_up::{GivenUp, Unanswered, Work, not_sent};
use super::opening::{self, Opening, settings};

/// A connection that is opened when it is needed, kept, and used by one call at a time.
pub(super) struct Aside {
    opening: Arc<Opening>,
    given_up: Arc<GivenUp>,
    /// Taken out while it is used: of a call that is dropped half way, the connection ends with it.
    kept: Arc<Mutex<Option<Kept>>>,
}

/// A connection, and the server's process that serves it.
type Kept = (Client, i32);

impl Aside {
    pub(super) fn new(opening: Arc<Opening>, given_up: Arc<GivenUp>) -> Self {
        Self {
            opening,
            given_up,
            kept: Arc::default(),
        }
    }

    /// Asks the server one thing, and answers within the time to wait, in which it connects, and the time to operate.
    ///
    /// # Errors
    ///
    /// As [`Connections::ask`](super::connections::Connections::ask).
    pub(super) async fn ask<T>(
        &self,
        doing: &str,
        work: Work,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let Opening { address, options, .. } = &*self.opening;
        let (mut kept, (client, process)) = timeout(options.server.wait_timeout, self.client())
            .await
            .map_err(|_elapsed| busy(doing, address))??;
        let unanswered = Unanswered::new(&self.given_up, process);
        let asking = async {
            match self.given_up.lets_pass(work, &client).await? {
                true => ask(&client).await.map(Some),
                false => Ok(None),
            }
        };
        match timeout(options.server.operation_timeout, asking).await {
            Ok(answer) => {
                unanswered.answered();
                *kept = Some((client, process));
                let answer = answer.map_err(|error| failure::of_call(doing, address, &error))?;
                answer.ok_or_else(|| not_sent(doing, address))
            }
            Err(_elapsed) => Err(failure::too_slow(doing, address)),
        }
    }

    /// The connection, taken out, and its place.
    async fn client(&self) -> Result<(OwnedMutexGuard<Option<Kept>>, Kept), Error> {
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        if let Some(found) = kept.take().filter(|(client, _)| !client.is_closed()) {
            return Ok((kept, found));
        }
        // In a task of its own: what takes longer than this call may wait is there for the next.
        let opening = Arc::clone(&self.opening);
        let opened = tokio::spawn(async move {
            *kept = Some(open(&opening).await?);
            Ok(kept)
        });
        let mut kept = opened
            .await
            .unwrap_or_else(|_ended| Err(lost(&self.opening.address)))?;
        let opened = kept.take().ok_or_else(|| lost(&self.opening.address))?;
        Ok((kept, opened))
    }
}

/// Opens a connection that ends when its client is dropped, and answers which of the server's processes serves it.
pub(super) async fn open(opening: &Opening) -> Result<(Client, i32), Error> {
    let (client, driver) = opening.open().await?;
    tokio::spawn(Shared::new(driver));
    // What is asked here is planned for what is asked: a limit is a number, and not some part of the table.
    let settings = format!(
        "{}; SET plan_cache_mode = force_custom_plan",
        settings(&opening.options)
    );
    match timeout(
        opening.options.server.connect_timeout,
        opening::set(&client, &settings),
    )
    .await
    {
        Ok(Ok(process)) => Ok((client, process)),
        Ok(Err(error)) => Err(failure::of_connecting(&opening.address, &error)),
        Err(_elapsed) => Err(failure::too_slow("set up a connection", &opening.address)),
    }
}

fn lost(server: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("could not connect to {server}: the runtime is shutting down"),
    )
}

fn busy(doing: &str, server: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "could not {doing} in {server}: no connection within wait_timeout; it takes none, or others of \
             its kind keep it busy"
        ),
    )
}
