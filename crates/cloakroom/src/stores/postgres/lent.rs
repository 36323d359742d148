//! A client of an application's pool, lent for one call.

use cloakroom_store::{Error, ErrorKind};
use deadpool_postgres::{Object, Pool, PoolError};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use super::failure;
use super::given_up::GivenUp;
use super::options::PostgresOptions;

/// A client of the pool, which is the pool's again only after it has answered everything.
pub(super) struct Lent<'a> {
    client: Option<Object>,
    /// The server's process that serves it, once that is known.
    process: Option<i32>,
    given_up: &'a GivenUp,
}

impl<'a> Lent<'a> {
    pub(super) fn new(client: Object, given_up: &'a GivenUp) -> Self {
        Self {
            client: Some(client),
            process: None,
            given_up,
        }
    }

    /// Says which of the server's processes serves it.
    pub(super) fn is_served_by(&mut self, process: i32) {
        self.process = Some(process);
    }

    pub(super) fn client(&self) -> &Object {
        self.client
            .as_ref()
            .expect("a client is there until it is settled")
    }

    /// Gives it back if its transaction is over. What was written is written when that was answered, and not before.
    pub(super) fn settle<T>(
        mut self,
        answer: Result<T, tokio_postgres::Error>,
        ended: Result<(), tokio_postgres::Error>,
    ) -> Result<T, tokio_postgres::Error> {
        // Somebody ended the statements (`DISCARD ALL`): they are prepared again, on another client.
        let has_forgotten = answer.as_ref().err().and_then(tokio_postgres::Error::code)
            == Some(&SqlState::INVALID_SQL_STATEMENT_NAME);
        if ended.is_ok() && !has_forgotten {
            drop(self.client.take());
        }
        let answer = answer?;
        ended.map(|()| answer)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(owing) = self.client.take() {
            if let Some(process) = self.process {
                self.given_up.remember(process);
            }
            // Out of the pool, and closed: what it is still to answer is for nobody.
            drop(Object::take(owing));
        }
    }
}

/// A client of the pool, within the time to wait.
pub(super) async fn lend(
    pool: &Pool,
    options: &PostgresOptions,
    doing: &str,
    address: &str,
) -> Result<Object, Error> {
    let pool = pool.clone();
    let mut lending = Box::pin(async move { pool.get().await });
    match timeout(options.server.wait_timeout, &mut lending).await {
        Ok(lent) => lent.map_err(|error| refused(doing, address, error)),
        Err(_elapsed) => {
            // A connection that takes longer to make than this call may wait is there for the next.
            tokio::spawn(timeout(options.server.connect_timeout, lending));
            Err(unavailable(
                doing,
                address,
                "no client of the pool within wait_timeout; raise the pool's max_size, or look for what keeps its \
                 clients or a server that takes no connection",
            ))
        }
    }
}

fn refused(doing: &str, address: &str, error: PoolError) -> Error {
    match error {
        PoolError::Backend(error) => failure::of_connecting(address, &error),
        PoolError::Closed => unavailable(doing, address, "the application has closed its pool"),
        other => unavailable(doing, address, "the pool lends no client").with_source(other.to_string()),
    }
}

fn unavailable(doing: &str, address: &str, advice: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("could not {doing} in {address}: {advice}"),
    )
}
