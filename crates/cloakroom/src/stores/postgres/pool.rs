//! An application's pool, shared: a client for each call, given back as it was.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cloakroom_store::Error;
#[cfg(doc)]
use cloakroom_store::ErrorKind;
#[cfg(doc)]
use deadpool_postgres::RecyclingMethod;
use deadpool_postgres::{Object, Pool, StatementCache};
use futures_util::future::join3;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::given_up::{GivenUp, Work, not_sent};
use super::lent::{self, Lent};
use super::migrations::Schema;
use super::opening::{self, quoted, settings};
use super::options::{PostgresOptions, SynchronousCommit};
use super::reach::Reach;
use super::statements::{Prepared, Statements};
use super::sweep::Progress;
use super::{Inner, Postgres, failure};
use crate::stores::counting::Attempts;
use crate::stores::revisions::Revisions;

impl Postgres {
    /// Keeps sessions over the pool that an application has already, with the default [`PostgresOptions`], and makes
    /// the tables where they are not there.
    ///
    /// ```no_run
    /// use cloakroom::stores::Postgres;
    ///
    /// # async fn example(pool: deadpool_postgres::Pool) -> Result<(), cloakroom::store::Error> {
    /// let store = Postgres::from_pool(pool.clone()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # What it costs
    ///
    /// A call has a client of the pool to itself, while the connections of [`connect`](Self::connect) are shared by
    /// all calls: a busy store wants as many clients as it has calls at a time. A verb is one transaction in one round
    /// trip, once its statements are prepared on that client; a listing, a count, a sweep and each thousand sessions of
    /// revoking everyone's are three. What the pool asks before it lends a client (its [`RecyclingMethod`]) comes on top.
    ///
    /// Attempts are counted over one client at a time, and marks set over one.
    ///
    /// A call that is dropped or not answered in time takes its client out of the pool, which makes another: nobody
    /// is lent a client that owes an answer.
    ///
    /// # Whose settings count
    ///
    /// How to connect, to which servers, with which TLS and how many connections, is the pool's: those options do
    /// nothing here. Give its configuration a `connect_timeout`, and name the primary: with several hosts,
    /// `target_session_attrs=read-write`.
    ///
    /// What a call relies on holds for its transaction only, and nothing is left in the session: `operation_timeout`
    /// as `statement_timeout`, the isolation, `synchronous_commit` and `search_path`. The last two, where the options
    /// say nothing, are what they are on the client that this is given first: what the application sets on a client
    /// afterwards changes neither how safe a write is nor where the tables are.
    ///
    /// What the application gives back must be outside a transaction, as it is after
    /// [`deadpool_postgres::Transaction`]: a `BEGIN` of the application's that it left open would end with the next
    /// call of the store. It must not change its role for the whole session either (`SET ROLE`).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and [`ErrorKind::Unavailable`] when the pool has no client to lend in time. One
    /// client is taken out of the pool to look at the tables and to make them, and closed.
    pub async fn from_pool(pool: Pool) -> Result<Self, Error> {
        PostgresOptions::default().from_pool(pool).await
    }

    pub(super) async fn share(mut options: PostgresOptions, pool: Pool) -> Result<Self, Error> {
        let lent = lent::lend(&pool, &options, "look at the tables", POOL).await?;
        // Closed when this is done: what a migration sets is for nobody else.
        let mut client = Object::take(lent);
        let address = look(&client, &mut options).await?;
        let mut schema = Schema {
            client: &mut client,
            options: &options,
            address: &address,
        };
        schema.prepare().await?;
        Ok(Self(Arc::new(Inner {
            survivors: schema.survivors().await?,
            bound: options.server.bound(),
            revisions: Revisions::default(),
            swept: Progress::default(),
            attempts: Attempts::counted_on(Handle::current()),
            reach: Reach::Shared(Box::new(Shared::new(pool, options, address.clone()))),
            address,
        })))
    }
}

/// What messages call it before the database is known.
const POOL: &str = "the application's pool";

/// Learns what the calls will rely on, holds the options to it, and sets the client so. Answers what messages call the
/// database.
async fn look(client: &Client, options: &mut PostgresOptions) -> Result<String, Error> {
    let patience = options.server.connect_timeout;
    let looking = async {
        let text = "SELECT current_database()::text, current_setting('synchronous_commit'), coalesce(\
                    (SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid \
                     WHERE pg_class.oid = to_regclass('cloakroom_schema')), current_schema())::text";
        let found = client.query_one(text, &[]).await?;
        let (database, commit): (String, String) = (found.try_get(0)?, found.try_get(1)?);
        if options.schema.is_none() {
            options.schema = found.try_get(2)?;
        }
        if options.synchronous_commit.is_none() {
            options.synchronous_commit = SynchronousCommit::named(&commit);
        }
        client.batch_execute(&settings(options)).await?;
        Ok(format!("the database {database} of {POOL}"))
    };
    match timeout(patience, looking).await {
        Ok(address) => address.map_err(|error| failure::of_call("look at the tables", POOL, &error)),
        Err(_elapsed) => Err(failure::too_slow("look at the tables", POOL)),
    }
}

/// A pool, and what each call on one of its clients is held to.
pub(super) struct Shared {
    pool: Pool,
    options: PostgresOptions,
    address: String,
    /// Opens a transaction that is set as a connection of the store's own would be.
    begin: String,
    /// The clients on which the statements are prepared. A cache that is remembered here keeps its place in memory, so
    /// no other client's is taken for it.
    known: Mutex<Vec<(Weak<StatementCache>, Arc<Ready>)>>,
    given_up: GivenUp,
    /// Held by who sets a mark, so that not every client of the pool waits for the row that numbers them.
    marking: tokio::sync::Mutex<()>,
}

/// What is known of a client on which the statements are prepared.
struct Ready {
    statements: Statements,
    /// The server's process that serves it.
    process: i32,
}

impl Shared {
    fn new(pool: Pool, options: PostgresOptions, address: String) -> Self {
        Self {
            begin: begin(&options),
            pool,
            options,
            address,
            known: Mutex::default(),
            given_up: GivenUp::default(),
            marking: tokio::sync::Mutex::default(),
        }
    }

    /// Asks one prepared statement, in a transaction that is one round trip.
    ///
    /// # Errors
    ///
    /// As [`Connections::ask`](super::connections::Connections::ask), and when the pool has no client to lend.
    pub(super) async fn request<T>(
        &self,
        doing: &str,
        work: Work,
        ask: impl AsyncFnOnce(Prepared<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let lent = self.lend(doing).await?;
        self.request_over(lent, doing, work, ask).await
    }

    /// As [`request`](Self::request), over a client that is lent already.
    async fn request_over<T>(
        &self,
        mut lent: Lent<'_>,
        doing: &str,
        work: Work,
        ask: impl AsyncFnOnce(Prepared<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let asking = async {
            let ready = self.ready(lent.client()).await?;
            lent.is_served_by(ready.process);
            if !self.given_up.lets_pass(work, lent.client()).await? {
                return lent.settle(Ok(None), Ok(()));
            }
            let client: &Client = lent.client();
            let prepared = Prepared {
                client,
                statements: &ready.statements,
            };
            // Each sends all it has to say when it is polled first, in this order, and none waits for an answer before.
            let (begun, answer, ended) = join3(
                client.batch_execute(&self.begin),
                ask(prepared),
                client.batch_execute(END),
            )
            .await;
            lent.settle(begun.and(answer).map(Some), ended)
        };
        self.in_time(doing, asking).await
    }

    /// As [`request`](Self::request), one call after the other.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request), and when others have their turn for all the time to wait.
    pub(super) async fn mark<T>(
        &self,
        doing: &str,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        // Not with a part of the time that the server may take: whoever had little left would be cut off at work.
        let taking_turn = async {
            let turn = self.marking.lock().await;
            (turn, self.lend(doing).await)
        };
        let (_turn, lent) = timeout(self.options.server.wait_timeout, taking_turn)
            .await
            .map_err(|_elapsed| failure::busy(doing, &self.address))?;
        let lent = lent?;
        self.request_over(lent, doing, Work::Writes, async |prepared| {
            ask(prepared.client).await
        })
        .await
    }

    /// Asks what is not prepared, in a transaction.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub(super) async fn ask<T>(
        &self,
        doing: &str,
        work: Work,
        ask: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let mut lent = self.lend(doing).await?;
        let asking = async {
            if !self.given_up.lets_pass(work, lent.client()).await? {
                return lent.settle(Ok(None), Ok(()));
            }
            // As on the store's own connections: planned for what is asked.
            let begin = format!("{}; SET LOCAL plan_cache_mode = force_custom_plan", self.begin);
            lent.is_served_by(opening::set(lent.client(), &begin).await?);
            let client: &Client = lent.client();
            let answer = ask(client).await;
            let ended = client.batch_execute(END).await;
            lent.settle(answer.map(Some), ended)
        };
        self.in_time(doing, asking).await
    }

    async fn lend(&self, doing: &str) -> Result<Lent<'_>, Error> {
        let client = lent::lend(&self.pool, &self.options, doing, &self.address).await?;
        Ok(Lent::new(client, &self.given_up))
    }

    async fn in_time<T>(
        &self,
        doing: &str,
        asking: impl Future<Output = Result<Option<T>, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        match timeout(self.options.server.operation_timeout, asking).await {
            Ok(answer) => {
                let answer = answer.map_err(|error| failure::of_call(doing, &self.address, &error))?;
                answer.ok_or_else(|| not_sent(doing, &self.address))
            }
            Err(_elapsed) => Err(failure::too_slow(doing, &self.address)),
        }
    }

    /// This client, with the statements prepared on it.
    async fn ready(&self, client: &Object) -> Result<Arc<Ready>, tokio_postgres::Error> {
        let cache = Arc::downgrade(&client.statement_cache);
        if let Some((_, ready)) = self.known().iter().find(|(known, _)| known.ptr_eq(&cache)) {
            return Ok(Arc::clone(ready));
        }
        // In a transaction, because only there the tables are found.
        let process = opening::set(client, &self.begin).await?;
        let statements = Statements::prepare(client).await?;
        let ready = Arc::new(Ready { statements, process });
        client.batch_execute(END).await?;
        let mut known = self.known();
        known.retain(|(cache, _)| cache.strong_count() > 0);
        known.push((cache, Arc::clone(&ready)));
        Ok(ready)
    }

    fn known(&self) -> MutexGuard<'_, Vec<(Weak<StatementCache>, Arc<Ready>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const END: &str = "COMMIT";

/// What opens a transaction on a client whose session is the application's.
fn begin(options: &PostgresOptions) -> String {
    let milliseconds = options.server.operation_timeout.as_millis().max(1);
    let mut begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {milliseconds}; \
         SET LOCAL idle_in_transaction_session_timeout = {milliseconds}; SET LOCAL client_min_messages = 'error'"
    );
    if let Some(commit) = options.synchronous_commit {
        let _ = write!(begin, "; SET LOCAL synchronous_commit = {}", commit.name());
    }
    if let Some(schema) = &options.schema {
        let _ = write!(begin, "; SET LOCAL search_path = {}", quoted(schema));
    }
    begin
}
