//! A connection that is lent for one call.

use cloakroom_store::Error;
use futures_util::FutureExt as _;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Params, Row};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::failure;
use super::given_up::Place;
use super::pool::Pool;
use super::values::Values;
use crate::stores::sql;

/// A connection that is lent. Dropped before it is [given back](Self::give_back), it is closed: its answer may still
/// be on its way, and the next caller must not be given it.
pub(super) struct Lease<'pool> {
    pool: &'pool Pool,
    /// There until it is given back or closed.
    connection: Option<Conn>,
    /// A place among the writes, if it is lent for one.
    place: Option<Place>,
    /// Whether the server was asked what it has not answered.
    waits: bool,
    /// Free for the next only when the connection is.
    _permit: SemaphorePermit<'pool>,
}

/// What holds of a lease.
const HELD: &str = "a lease has its connection until it is given back";

/// What the server answered.
pub(super) struct Answer {
    /// The rows, where the statement answers any.
    pub(super) rows: Vec<Row>,
    /// How many rows it wrote or removed; of an update, how many it found.
    pub(super) affected: u64,
    /// The number that it says was inserted last.
    pub(super) number: Option<u64>,
}

impl<'pool> Lease<'pool> {
    pub(super) fn new(pool: &'pool Pool, permit: SemaphorePermit<'pool>, connection: Conn) -> Self {
        Self {
            pool,
            connection: Some(connection),
            place: None,
            waits: false,
            _permit: permit,
        }
    }

    /// Lends it for a write, which has this place.
    pub(super) fn at_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Which of these connections the server is still busy with. Gives itself back.
    pub(super) async fn busy(mut self, connections: &[u32]) -> Result<Vec<u32>, Error> {
        let connection = self.connection.as_mut().expect(HELD);
        let connections: Vec<_> = connections.iter().map(u32::to_string).collect();
        let statement = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Sleep' AND ID IN ({})",
            connections.join(", ")
        );
        let busy = connection.query(statement).await.map_err(|error| {
            let server = &self.pool.dialing.server;
            failure::of_call("see which writes are over", server, &error)
        })?;
        self.give_back();
        Ok(busy)
    }

    /// Has the server carry out one statement, within the time that one call may take.
    ///
    /// What the server has rolled back for the sake of another call is carried out again: it has certainly not
    /// happened. Nothing else is sent twice.
    pub(super) async fn ask(
        &mut self,
        doing: &str,
        statement: &'static str,
        values: impl Fn() -> Values,
    ) -> Result<Answer, Refusal> {
        let pool = self.pool;
        let server = &pool.dialing.server;
        self.waits = true;
        let asking = async {
            loop {
                match self.ask_once(statement, values().into()).await {
                    Err(mysql_async::Error::Server(error)) if failure::was_rolled_back(&error) => {}
                    answer => return answer,
                }
                tokio::task::yield_now().await;
            }
        };
        let answer = timeout(pool.operation_timeout, asking).await;
        self.waits = !matches!(answer, Ok(Ok(_) | Err(mysql_async::Error::Server(_))));
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(mysql_async::Error::Server(error))) if failure::is_duplicate(&error) => {
                Err(Refusal::Exists)
            }
            Ok(Err(error)) => {
                // The connection is closed, whatever it was: an error that no verb expects.
                if error.is_fatal() || failure::is_read_only(&error) {
                    pool.forget();
                }
                Err(Refusal::Failed(failure::of_call(doing, server, &error)))
            }
            Err(_elapsed) => Err(Refusal::Failed(failure::too_slow(doing, server))),
        }
    }

    /// Lends the connection to the next.
    pub(super) fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.adopt(connection);
        }
    }

    async fn ask_once(
        &mut self,
        statement: &'static str,
        values: Params,
    ) -> Result<Answer, mysql_async::Error> {
        let connection = self.connection.as_mut().expect(HELD);
        let mut result = connection.exec_iter(statement, values).await?;
        let rows = result.collect().await?;
        let affected = result.affected_rows();
        let number = result.last_insert_id();
        result.drop_result().await?;
        Ok(Answer {
            rows,
            affected,
            number,
        })
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            if let Some(place) = self.place.take().filter(|_| self.waits) {
                self.pool.writes.give_up(connection.id(), place);
            }
            // Begun and dropped, this closes the connection without waiting for what is still on its way.
            drop(connection.disconnect().now_or_never());
        }
    }
}

/// Why a statement was not carried out.
pub(super) enum Refusal {
    /// There is a row with this key already.
    Exists,
    /// The server could not do it.
    Failed(Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Exists => sql::corrupt("a key twice"),
            Refusal::Failed(error) => error,
        }
    }
}
