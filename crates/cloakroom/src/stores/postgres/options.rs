//! What a PostgreSQL store is connected with.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use cloakroom_store::Error;

use super::Postgres;
use super::url::SCHEMES;
use crate::stores::server::ServerOptions;
use crate::stores::url::StoreUrl;

/// How a [`Postgres`] store is connected. Each setting is also an option of the URL, which wins.
///
/// ```no_run
/// use std::time::Duration;
/// use cloakroom::stores::postgres::{Migrate, PostgresOptions};
///
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = PostgresOptions::default()
///     .operation_timeout(Duration::from_millis(500))
///     .migrate(Migrate::Never)
///     .connect("postgres://app:secret@db.internal/app?sslmode=require")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    pub(super) server: ServerOptions,
    pub(super) schema: Option<String>,
    pub(super) migrate: Migrate,
    pub(super) unlogged: bool,
    pub(super) synchronous_commit: Option<SynchronousCommit>,
    pub(super) tls: Option<Tls>,
}

impl PostgresOptions {
    /// Sets how many connections the requests share; 4 unless said otherwise.
    ///
    /// Up to five more are opened when they are needed: to sweep; to list, to count and to revoke everyone's; to read
    /// marks; to set them; and to count attempts. A list that was given up leaves one more on the server, which ends it within
    /// `operation_timeout`.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.server.connections = connections;
        self
    }

    /// Sets how long it may take to connect to one server, with TLS and credentials; 2 seconds unless said otherwise.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.server.connect_timeout = timeout;
        self
    }

    /// Sets how long a call may wait for a connection; half a second unless said otherwise.
    ///
    /// The first call that needs one of those [beside](Self::connections) waits for it to be opened, too. Should that take
    /// longer, the call is an error, and the next has the connection: over a slow network, set this to what connecting takes.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.server.wait_timeout = timeout;
        self
    }

    /// Sets how long the server may take to answer one call; a second unless said otherwise.
    ///
    /// The server is told as well (`statement_timeout`), so that it ends what nobody waits for any more.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.server.operation_timeout = timeout;
        self
    }

    /// Trusts the authorities whose certificates are in this PEM file, instead of the usual ones, and requires TLS
    /// unless [`tls`](Self::tls) says otherwise.
    #[must_use]
    pub fn tls_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.server.tls_ca = Some(path.into());
        self
    }

    /// Sets whether the connections are encrypted; in the URL `sslmode`. [`Tls::Prefer`] unless said otherwise.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Keeps the tables in this schema; in the first of the connection's `search_path` unless said otherwise.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// Sets who makes the tables; [`Migrate::OnConnect`] unless said otherwise.
    #[must_use]
    pub fn migrate(mut self, migrate: Migrate) -> Self {
        self.migrate = migrate;
        self
    }

    /// Makes the tables `UNLOGGED` when they are made: writes cost much less, but a crash of the server ends all
    /// sessions, and replicas have none. Does nothing to tables that exist.
    #[must_use]
    pub fn unlogged(mut self) -> Self {
        self.unlogged = true;
        self
    }

    /// Sets when a write is safe; what the server is set to unless said otherwise.
    #[must_use]
    pub fn synchronous_commit(mut self, commit: SynchronousCommit) -> Self {
        self.synchronous_commit = Some(commit);
        self
    }

    /// Connects to the servers of this URL.
    ///
    /// # Errors
    ///
    /// As [`Postgres::connect`].
    pub async fn connect(self, url: &str) -> Result<Postgres, Error> {
        Postgres::connect_with(self, url).await
    }

    /// Keeps sessions over the pool that an application has already. [`Postgres::from_pool`] says whose settings count.
    ///
    /// # Errors
    ///
    /// As [`Postgres::from_pool`].
    #[cfg(feature = "deadpool-postgres_v0_14")]
    pub async fn from_pool(self, pool: deadpool_postgres::Pool) -> Result<Postgres, Error> {
        Postgres::share(self, pool).await
    }

    /// Takes what the URL says of them.
    pub(super) fn take(&mut self, url: &mut StoreUrl) -> Result<(), Error> {
        self.server.take(url)?;
        if let Some(schema) = url.option("schema") {
            self.schema = Some(schema);
        }
        if let Some(migrate) = url.read("migrate", "on_connect or never", Migrate::named)? {
            self.migrate = migrate;
        }
        if let Some(unlogged) = url.read("unlogged", "true or false", |text| text.parse().ok())? {
            self.unlogged = unlogged;
        }
        let levels = "off, local, remote_write, on or remote_apply";
        if let Some(commit) = url.read("synchronous_commit", levels, SynchronousCommit::named)? {
            self.synchronous_commit = Some(commit);
        }
        let modes = "disable, prefer, require or verify-full";
        if let Some(tls) = url.read("sslmode", modes, Tls::named)? {
            self.tls = Some(tls);
        }
        Ok(())
    }

    /// Reads the URL, and takes its options.
    pub(super) fn parse(&mut self, url: &str) -> Result<StoreUrl, Error> {
        let mut url = StoreUrl::parse(url, SCHEMES)?;
        self.take(&mut url)?;
        Ok(url)
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            server: ServerOptions::new(4),
            schema: None,
            migrate: Migrate::OnConnect,
            unlogged: false,
            synchronous_commit: None,
            tls: None,
        }
    }
}

/// Who makes the tables, and changes them for a newer release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Migrate {
    /// Whoever connects first, when they are not there or of an older release. Where they are as they should be, no
    /// right to change the schema is needed.
    #[default]
    OnConnect,
    /// Somebody else: with [`Postgres::migrate`] at deployment, or by running [`Postgres::schema_sql`] by hand.
    Never,
}

impl Migrate {
    fn named(name: &str) -> Option<Self> {
        match name {
            "on_connect" => Some(Self::OnConnect),
            "never" => Some(Self::Never),
            _ => None,
        }
    }
}

/// When the server answers a write: PostgreSQL's setting `synchronous_commit`, for the connections of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SynchronousCommit {
    /// Before it is on a disk. A crash takes back what was answered in the last moments (by default up to 0.6
    /// seconds): also sign-outs and revocations, so a session that was ended may be back.
    Off,
    /// When it is on this server's disk, whatever its replicas do.
    Local,
    /// When the synchronous replicas have it in memory.
    RemoteWrite,
    /// When the synchronous replicas have it on their disks; where there are none, as [`Local`](Self::Local).
    On,
    /// When the synchronous replicas show it.
    RemoteApply,
}

impl SynchronousCommit {
    /// As the server calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Local => "local",
            Self::RemoteWrite => "remote_write",
            Self::On => "on",
            Self::RemoteApply => "remote_apply",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [
            Self::Off,
            Self::Local,
            Self::RemoteWrite,
            Self::On,
            Self::RemoteApply,
        ]
        .into_iter()
        .find(|level| level.name() == name)
    }
}

/// Whether connections are encrypted. Through a Unix socket they never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// Never.
    Disable,
    /// When the server offers it; its certificate is then checked all the same. Whoever can change what is sent can
    /// also take the offer away: across a network that is not yours, use [`Require`](Self::Require).
    Prefer,
    /// Always, with a certificate of a trusted authority for the host's name: what libpq calls `verify-full`. There is
    /// no weaker one.
    Require,
}

impl Tls {
    fn named(name: &str) -> Option<Self> {
        match name {
            "disable" => Some(Self::Disable),
            "prefer" => Some(Self::Prefer),
            "require" | "verify-full" => Some(Self::Require),
            _ => None,
        }
    }
}
