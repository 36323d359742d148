//! Keeps sessions in PostgreSQL, in tables of their own beside an application's.
//!
//! ```no_run
//! use cloakroom::stores::Postgres;
//!
//! # async fn example() -> Result<(), cloakroom::store::Error> {
//! let store = Postgres::connect("postgres://app:secret@db.internal/app?sslmode=require").await?;
//! # Ok(()) }
//! ```
//!
//! # What a URL says
//!
//! `postgres://user:password@host:port,host:port/database?option=value`, also `postgresql://`. A Unix socket is its
//! directory: `postgres:///database?host=/var/run/postgresql`. Of several servers, tried in their order, the store takes
//! the first that can be written to (`target_session_attrs=read-write`, which is the default then). The other options
//! are those of [`PostgresOptions`], by the same names, and `sslmode` for [`Tls`].
//!
//! # What is kept there
//!
//! A narrow table with what is looked for and what moves, `cloakroom_sessions`; a wide one with the sealed data,
//! `cloakroom_bodies`, that a touch does not write; a few functions, for what must be decided in several steps; marks and
//! counters, `cloakroom_marks`, `cloakroom_mark_numbers` and `cloakroom_counters`, for who has sealed sessions or counts
//! attempts; and the version of all that, `cloakroom_schema`. [`Postgres::schema_sql`] prints the SQL, and
//! [`Postgres::schema_sql_since`] that for the tables of an older release. Keys, principals and labels are bytes, so no
//! collation takes two users for one; times come from the application, never from the server's clock. Whoever
//! reads the tables learns when which principal was seen on what, but neither tokens nor session data.
//!
//! The store makes and changes the tables when it connects, unless [`Migrate::Never`] says otherwise; many nodes may
//! start at once. A user for a store that does not migrate needs `SELECT` on `cloakroom_schema`, and `SELECT`, `INSERT`,
//! `UPDATE` and `DELETE` on the tables that it uses.
//!
//! # What it costs
//!
//! One statement, and so one round trip, for each verb: to load, to write with and without a cap, to touch, to delete, to
//! revoke a principal's, to set a mark, for each page of a listing, each batch of a sweep, each ten thousand sessions that are
//! counted and each thousand of everyone's that are revoked, and for all attempts together that are counted at the same time.
//! Writes with a cap and revocations of one principal's come one after the other: who finds another under way asks again some
//! milliseconds later, and nobody else waits for that.
//!
//! Requests share four [`connections`](PostgresOptions::connections), on which statements follow each other without
//! waiting for answers; there is no pool to check out of, and what is asked at the same time leaves in one write. Five
//! more are opened when they are needed: to sweep; to list, count and revoke everyone's; to read which sealed sessions have
//! ended; to end them; and to count attempts. On the last two one statement at a time waits for rows that many write, so that
//! a flood of attempts is not in the way of who is signed in. They all rely on the state of their session: a pooler between
//! the store and the server must pool sessions, not transactions.
//!
//! With the feature `deadpool-postgres_v0_14` the store also works over the pool that an application has already:
//! `Postgres::from_pool` says what that costs.
//!
//! A sweep deletes in batches, skips what somebody has locked, and is done by one node at a time for each namespace: the
//! others are told that something may be left, and ask again. What it deletes is used again after a `VACUUM`, which PostgreSQL
//! does by itself.
//!
//! # What may go wrong
//!
//! A call answers within `wait_timeout` and `operation_timeout`, also when the server is paused or the network swallows
//! everything: [`ErrorKind::Unavailable`], and whether a write has happened is then for the caller to find out. The
//! server ends what nobody waits for any more. Connections that break or stop answering are made again, for as long as it
//! takes.
//!
//! What was answered is on the server's disk (`synchronous_commit=on`, as PostgreSQL is delivered), and survives that it is
//! killed. With [`SynchronousCommit::Off`] or [`unlogged`](PostgresOptions::unlogged) tables the card says that it does not.
//!
//! At a failover to an asynchronous replica the last moments are lost: also sign-outs and revocations, so a session that
//! was ended may be back. Set `synchronous_standby_names` on the server, and with it `synchronous_commit=on` waits for a
//! replica. A server that has become read-only answers [`ErrorKind::Unavailable`] to writes, and `ping` says so.
//!
//! Of several servers in the URL the store takes the first that can be written to, each time that it connects. So whoever
//! promotes a standby must first see to it that the old primary stays away: one that wakes up as a primary would be
//! written to again.
//!
//! While `synchronous_commit` waits and no standby answers, a write is [`ErrorKind::Unavailable`] after
//! `operation_timeout`, and so is what was asked on the same connection behind it. The server does not end such a wait,
//! and the store does not cancel it, for that would show what no standby has: the connection is given up, and its process
//! stays there until a standby is back. While one does, writes are refused at once, since the server would answer none
//! before it, and reads go on. So each connection of the store's is given up once: at most twice as many are open. Name two
//! standbys of which one is enough: `synchronous_standby_names = 'ANY 1 (a, b)'`.
//!
//! When its disk is full the server refuses writes with [`ErrorKind::Full`], and takes them again when there is room.

mod options;

mod store;

mod list;
mod revoke;
mod sweep;
mod turn;
mod write;

mod counters;
mod counting;
mod marks;

mod row;
mod statements;

mod migrations;

mod reach;

#[cfg(feature = "deadpool-postgres_v0_14")]
mod lent;
#[cfg(feature = "deadpool-postgres_v0_14")]
mod pool;

mod connections;
mod keeper;
mod line;

mod aside;

mod given_up;

mod driver;
mod opening;
mod tls;
mod url;

mod failure;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::Error;
#[cfg(doc)]
use cloakroom_store::ErrorKind;
use tokio::runtime::Handle;

use super::counting::Attempts;
use super::revisions::Revisions;
use migrations::Survivors;
use opening::Opening;
pub use options::{Migrate, PostgresOptions, SynchronousCommit, Tls};
use reach::Reach;
use sweep::Progress;

/// Keeps sessions in PostgreSQL. Cheap to clone; clones share the connections.
///
/// The connections live on the tokio runtime on which it was connected, and end when the last clone is dropped.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    /// The URL without its password, for messages.
    address: String,
    reach: Reach,
    /// The longest that a call takes.
    bound: Duration,
    revisions: Revisions,
    survivors: Survivors,
    swept: Progress,
    attempts: Attempts<()>,
}

impl Postgres {
    /// The largest record body it takes, in bytes.
    pub const MAX_BODY: usize = 1 << 20;

    /// Connects to the servers of this URL with the default [`PostgresOptions`], and makes the tables where they are not
    /// there.
    ///
    /// # Errors
    ///
    /// With a sentence that names the server and what to do, and never holds the password:
    ///
    /// * [`ErrorKind::Misconfigured`] when the URL makes no sense, the server refuses the credentials or has no such
    ///   database, its certificate is not trusted, or the tables are not there and may not be made;
    /// * [`ErrorKind::NewerFormat`] when a newer release made the tables;
    /// * [`ErrorKind::Unavailable`] when no server can be reached.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        PostgresOptions::default().connect(url).await
    }

    /// Makes the tables in the database of this URL, or changes them to those of this release. Does nothing when they are
    /// as they should be, and may be done by many nodes at once.
    ///
    /// The options of the URL count as they do for [`connect`](Self::connect), but for `migrate`.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and [`ErrorKind::Misconfigured`] when the user may not make tables.
    pub async fn migrate(url: &str) -> Result<(), Error> {
        let mut opening = Opening::parse(PostgresOptions::default(), url)?;
        opening.options.migrate = Migrate::OnConnect;
        let (mut client, _process) = aside::open(&opening).await?;
        opening.schema(&mut client).prepare().await
    }

    /// The SQL that makes the tables of this release, for teams that run it themselves.
    pub fn schema_sql() -> String {
        migrations::printed(None)
    }

    /// The SQL that makes this release's tables of those of an older one, which `cloakroom_schema` says the version of.
    pub fn schema_sql_since(version: u32) -> String {
        migrations::printed(Some(version))
    }

    async fn connect_with(options: PostgresOptions, url: &str) -> Result<Self, Error> {
        let opening = Arc::new(Opening::parse(options, url)?);
        let (mut client, _process) = aside::open(&opening).await?;
        opening.schema(&mut client).prepare().await?;
        // A migration lets what it asks take its time: what follows is asked on a connection that is set as usual.
        let (mut client, _process) = aside::open(&opening).await?;
        Ok(Self(Arc::new(Inner {
            address: opening.address.clone(),
            survivors: opening.schema(&mut client).survivors().await?,
            bound: opening.options.server.bound(),
            reach: Reach::open(opening).await?,
            revisions: Revisions::default(),
            swept: Progress::default(),
            attempts: Attempts::counted_on(Handle::current()),
        })))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("server", &self.0.address)
            .finish_non_exhaustive()
    }
}
