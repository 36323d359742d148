//! A connection of its own for what takes longer than a request may hold up others, or waits for them.

use std::sync::Arc;

use cloakroom_store::{Error, ErrorKind};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::driver::Shared;
use super::failure;
use super::given_up::{GivenUp, Work, not_sent};
use super::opening::{self, Opening, settings};

/// A connection that is opened when it is needed, kept, and used by one call at a time.
pub(super) struct Aside {
    opening: Arc<Opening>,
    given_up: Arc<GivenUp>,
    /// Taken out while it is used.
    kept: Arc<Mutex<Option<Kept>>>,
}

/// A connection, and the server's process that serves it.
type Kept = (Client, i32);

/// A connection that is taken out for one call. Of a call that is dropped half way, it is free once that is answered.
struct Lent<'a> {
    aside: &'a Aside,
    work: Work,
    /// There until it is given back or given up.
    held: Option<(OwnedMutexGuard<Option<Kept>>, Kept)>,
}

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
        let lent = timeout(options.server.wait_timeout, self.lend(work))
            .await
            .map_err(|_elapsed| failure::busy(doing, address))??;
        let asking = async {
            match self.given_up.lets_pass(work, lent.client()).await? {
                true => ask(lent.client()).await.map(Some),
                false => Ok(None),
            }
        };
        match timeout(options.server.operation_timeout, asking).await {
            Ok(answer) => {
                lent.give_back();
                let answer = answer.map_err(|error| failure::of_call(doing, address, &error))?;
                answer.ok_or_else(|| not_sent(doing, address))
            }
            Err(_elapsed) => {
                lent.give_up();
                Err(failure::too_slow(doing, address))
            }
        }
    }

    /// The connection, taken out. It is opened where there is none.
    async fn lend(&self, work: Work) -> Result<Lent<'_>, Error> {
        let lent = |place, kept| Lent {
            aside: self,
            work,
            held: Some((place, kept)),
        };
        let mut place = Arc::clone(&self.kept).lock_owned().await;
        if let Some(found) = place.take().filter(|(client, _)| !client.is_closed()) {
            return Ok(lent(place, found));
        }
        // In a task of its own: what takes longer than this call may wait is there for the next.
        let opening = Arc::clone(&self.opening);
        let opened = self.opening.runtime.spawn(async move {
            *place = Some(open(&opening).await?);
            Ok(place)
        });
        let mut place = opened
            .await
            .unwrap_or_else(|_ended| Err(lost(&self.opening.address)))?;
        let opened = place.take().ok_or_else(|| lost(&self.opening.address))?;
        Ok(lent(place, opened))
    }
}

impl Lent<'_> {
    fn client(&self) -> &Client {
        let (_, (client, _)) = self.held.as_ref().expect("it is held until it is given back");
        client
    }

    fn give_back(mut self) {
        if let Some((mut place, kept)) = self.held.take() {
            *place = Some(kept);
        }
    }

    /// Ends the connection: nobody is to wait for what it owes.
    fn give_up(mut self) {
        if let Some((_, (_, process))) = self.held.take() {
            remember(&self.aside.given_up, self.work, process);
        }
    }
}

impl Drop for Lent<'_> {
    /// Whoever stops waiting for an answer costs nobody the connection. The next waits until the server has answered, unless
    /// that takes so long that it would not come to its turn.
    fn drop(&mut self) {
        let Some((mut place, kept)) = self.held.take() else {
            return;
        };
        let (given_up, work) = (Arc::clone(&self.aside.given_up), self.work);
        let server = &self.aside.opening.options.server;
        let patience = match self.work {
            Work::Reads => server.operation_timeout.min(server.wait_timeout / 2),
            // Elsewhere the next would be refused, for as long as this may still be under way.
            Work::Writes => server.operation_timeout,
        };
        self.aside.opening.runtime.spawn(async move {
            // What is asked last is answered last.
            match timeout(patience, kept.0.check_connection()).await {
                Ok(Ok(())) => *place = Some(kept),
                _ => remember(&given_up, work, kept.1),
            }
        });
    }
}

/// Takes note of a connection that was given up. For what only reads nobody has to wait: the server ends it in time.
fn remember(given_up: &GivenUp, work: Work, process: i32) {
    if work == Work::Writes {
        given_up.remember(process);
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
