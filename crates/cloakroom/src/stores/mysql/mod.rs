//! Keeps sessions in MySQL or MariaDB, in tables that stand beside your application's own.
//!
//! ```no_run
//! use cloakroom::stores::Mysql;
//!
//! # async fn example() -> Result<(), cloakroom::store::Error> {
//! let store = Mysql::connect("mysql://app:secret@localhost/app").await?;
//! # Ok(()) }
//! ```
//!
//! # The URL
//!
//! `mysql://user:password@host:port/database?option=value&…`, or `mariadb://`. The options are those of
//! [`MysqlOptions`]: `connections=10`, `connect_timeout=2s`, `wait_timeout=500ms`, `operation_timeout=1s`,
//! `ssl_mode=required`, `tls_ca=/etc/ssl/db.pem`, `socket=/run/mysqld/mysqld.sock`, `migrate=never`.
//!
//! # What is in the database
//!
//! Six tables of InnoDB and two procedures, all called `cloakroom_…`. [`Mysql::connect`] makes them, unless
//! [`Migrate::Never`] leaves it to [`Mysql::migrate`] or to a person with [`Mysql::schema_sql`]. When they are
//! there the user needs SELECT, INSERT, UPDATE, DELETE and EXECUTE on the database, and nothing else. A dump has the
//! procedures only with `mysqldump --routines`; without them, signing in under a cap says what is missing.
//!
//! Keys, principals and labels are bytes, so no collation decides who is who; moments are numbers that the library
//! supplies. Whoever reads the tables learns when which principal was seen on what, but neither tokens nor session
//! data: `Sessions` seals them before they come here. The server's general log has them too, when it is on.
//!
//! # What it costs
//!
//! | verb | statements |
//! |---|---|
//! | load, write, touch, ping, count, a page of a listing; counting an attempt, taking it back | 1 |
//! | delete | 1; 2 when there was nothing to end that the owner may |
//! | write with a cap | 1, a call of the procedure |
//! | revoke of a principal | 1 |
//! | revoke of everyone | 2, and 1 more for each thousand sessions |
//! | sweep | 4, and 1 more for each 250 sessions |
//!
//! Each is one round trip. A connection prepares a statement the first time it meets it, which is one more, and one
//! that has not been used for two seconds is asked first whether it is still there.
//!
//! A touch moves two numbers in place: the body is neither read nor written, in the page or beside it, and the log of
//! InnoDB does not hold it again. The binary log does, unless `binlog_row_image` is `MINIMAL` or `NOBLOB`: set one
//! where there are replicas.
//!
//! # Sign-ins under a cap
//!
//! They are decided in a procedure, on the server: to take a turn (a row that sign-ins of one principal write one
//! after the other), to count, to end the oldest and to write. A transaction over several round trips would do the
//! same, but leaves its locks with a node that froze or was cut off, for as long as the server keeps the connection.
//! `GET_LOCK` is not known to the other nodes of a cluster. A turn that is written makes those nodes collide, too, and
//! the one that loses is tried again.
//!
//! A deadlock or a lock that was waited for in vain never reaches a caller within the time of a call: the server has
//! then taken back the transaction, so it is sent again. Nothing else is ever sent twice.
//!
//! # Attempts and marks
//!
//! Counting an attempt and setting a mark wait for a row that others write at the same time. So that a flood of attempts
//! leaves connections to who is signed in, a quarter of them at most counts at a time, at least one, and as many set
//! marks; who waits longer than a call may take is told. Have three connections or more. Attempts that come to one counter at
//! the same time are counted by one statement.
//!
//! Sign-ins of one principal under a [`Cap`](cloakroom_store::Cap) come one after the other, too, each on a connection.
//!
//! # What it promises
//!
//! * **Durability.** With `innodb_flush_log_at_trx_commit=1`, the server's default, what was answered survives a
//!   crash of the machine; with 2 a crash of the server only; with 0 not that, and the card then says so.
//! * **Replication.** A replica that is behind when it is promoted has lost the last writes, and may know sessions
//!   that had ended: use semi-synchronous replication where that matters, with `rpl_semi_sync_master_wait_point=AFTER_SYNC`
//!   and a `rpl_semi_sync_master_timeout` that is longer than an outage, for past it the server goes on without the
//!   replica. A write that was given up meanwhile keeps its connection there, for as many of them as `connections`
//!   allows; then writes are refused until the server has carried one out, and reads go on. They are not killed, for that
//!   would show what no replica has. Have two replicas. Reads go to the server in the URL and never to a replica.
//! * **Failover.** The URL names one server, so something in front of the servers says which it is: a proxy such as
//!   HAProxy, ProxySQL or MaxScale, or an address that moves. It should cut the connections to the old primary when it
//!   moves; a primary that was set to `read_only` is left by itself. It must never lead back to the old primary.
//! * **Eviction.** Nothing is ever dropped to make room. Expired sessions stay until they are swept: run a
//!   `Sweeper`. One node sweeps at a time, 250 sessions in a statement.
//! * **Limits.** A record's body has at most 1 MiB, and less where the server's `max_allowed_packet` is smaller:
//!   the card says what it was when the store connected.
//!
//! * **Versions.** Tested on MariaDB 10.11. The statements are also those of MySQL 8.0 by its manual, but no test has
//!   run on it yet; the tests do where the variable `MYSQLD` names its server.
//!
//! # What may go wrong
//!
//! A server that is away, frozen or read-only, or that has no connection left, is [`ErrorKind::Unavailable`] within
//! `wait_timeout` and `operation_timeout` together, a second and a half by default. The store finds the server again by
//! itself. A disk that is full is [`ErrorKind::Full`]; MariaDB 10.11.19 was seen to abort instead when there was no room
//! for a body of more than about 8 KiB, which stands beside its page, and is then a server that is away.
//!
//! A connection is lent to one call at a time, because the server answers a statement before it takes the next: those of
//! concurrent requests cannot share a write, as they do with the other servers. A call that is given up half way takes its connection with it, so that
//! nobody is handed an answer that was meant for somebody else. Only counting an attempt and setting a mark goes on without who
//! asked for it.
//!
//! An application's own pool cannot be shared. A caller that gives up while `mysql_async`'s pool looks whether a
//! connection is alive costs that pool a place for ever; and a connection that comes back in the middle of an answer
//! is read to its end, for as long as a frozen server takes. Neither can be kept from it by who borrows from it.
//!
//! # What to set on the server
//!
//! `max_connections` above the sum of all nodes' `connections`, twice that where writes wait for a replica; `binlog_format` ROW or MIXED (ROW is the default of
//! MySQL, MIXED that of MariaDB); `innodb_flush_log_at_trx_commit` 1; `binlog_row_image` MINIMAL or NOBLOB.

mod options;

mod store;

mod write;

mod delete;
mod list;
mod revoke;
mod sweep;

mod counters;
mod counting;
mod marks;

mod schema;

mod row;
mod values;

mod given_up;
mod lease;
mod pool;

mod dialing;
mod failure;

use std::fmt;
use std::sync::Arc;

#[cfg(doc)]
use cloakroom_store::ErrorKind;
use cloakroom_store::{Capabilities, Error, Residence};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tokio::runtime::Handle;
use tokio::time::timeout;

use dialing::Dialing;
pub use options::{Migrate, MysqlOptions, SslMode};
use pool::Pool;

use super::counting::{Attempts, Key};
use super::revisions::Revisions;

/// Keeps sessions in MySQL or MariaDB. Cheap to clone; clones share the connections.
///
/// It belongs to the runtime on which it was connected.
#[derive(Clone)]
pub struct Mysql(Arc<Inner>);

struct Inner {
    /// Where it was connected. What others wait for is not to stand still with the runtime of one caller.
    runtime: Handle,
    pool: Pool,
    attempts: Attempts<Key>,
    revisions: Revisions,
    card: Capabilities,
}

impl Mysql {
    /// The largest record body it takes, in bytes, where the server's `max_allowed_packet` does not say less.
    pub const MAX_BODY: usize = 1 << 20;

    /// Connects with the default [`MysqlOptions`] and those in the URL, and makes the tables where they are missing.
    ///
    /// # Errors
    ///
    /// With a sentence that names the server and what to do, and never the password:
    ///
    /// * [`ErrorKind::Misconfigured`] when the URL makes no sense, the server refuses the user, the password or the
    ///   database, or the tables are older than this release and it is not to migrate them;
    /// * [`ErrorKind::NewerFormat`] when a newer release has made the tables;
    /// * [`ErrorKind::Unavailable`] when the server cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        MysqlOptions::default().connect(url).await
    }

    /// Makes the tables in the database of this URL, or brings them up to date.
    ///
    /// Does nothing when they are as this release needs them. Of many nodes that call it at once one does it, and the
    /// others wait. Needs the rights to create tables, indexes and procedures.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect). What was done until then is found and gone on with by the next call.
    pub async fn migrate(url: &str) -> Result<(), Error> {
        let mut options = MysqlOptions::default();
        let dialing = Dialing::parse(&mut options, url)?;
        let mut connection = dialing.dial_within(options.server.connect_timeout).await?;
        schema::migrate(&mut connection, &dialing.server).await
    }

    /// The SQL that makes the tables, and those of an older release what this one needs, for the programs `mysql` and
    /// `mariadb`.
    pub fn schema_sql() -> String {
        schema::sql()
    }

    async fn connect_with(mut options: MysqlOptions, url: &str) -> Result<Self, Error> {
        let dialing = Dialing::parse(&mut options, url)?;
        let server = &dialing.server;
        let mut connection = dialing.dial_within(options.server.connect_timeout).await?;
        let bound = options.server.connect_timeout;
        let too_slow = || failure::too_slow("read the settings", server);
        if options.migrate == Migrate::OnConnect {
            let current = timeout(bound, schema::is_current(&mut connection, server)).await;
            if !current.unwrap_or_else(|_elapsed| Err(too_slow()))? {
                schema::migrate(&mut connection, server).await?;
            }
        }
        let card = async {
            schema::check(&mut connection, server).await?;
            card(&mut connection, server).await
        };
        let card = timeout(bound, card)
            .await
            .unwrap_or_else(|_elapsed| Err(too_slow()))?;
        let pool = Pool::new(dialing, &options);
        pool.adopt(connection);
        Ok(Self(Arc::new(Inner {
            runtime: Handle::current(),
            pool,
            attempts: Attempts::counted_on(Handle::current()),
            revisions: Revisions::default(),
            card,
        })))
    }
}

impl fmt::Debug for Mysql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mysql")
            .field("server", &self.0.pool.dialing.server)
            .finish_non_exhaustive()
    }
}

/// What this server promises, by its settings.
async fn card(connection: &mut Conn, server: &str) -> Result<Capabilities, Error> {
    /// What a statement has beside the body: the other columns, and the words of the protocol.
    const BESIDE: usize = 4096;
    let settings: Option<(u64, usize)> = connection
        .query_first("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@SESSION.max_allowed_packet")
        .await
        .map_err(|error| failure::of_call("read the settings", server, &error))?;
    let (flush, packet) = settings.unwrap_or_default();
    Ok(Capabilities::new("mysql", Residence::Elsewhere)
        .survives_restart(flush != 0)
        .max_body(Mysql::MAX_BODY.min(packet.saturating_sub(BESIDE))))
}
