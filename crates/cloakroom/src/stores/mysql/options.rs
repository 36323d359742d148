//! What a MySQL store is connected with.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use cloakroom_store::Error;

use super::Mysql;
use crate::stores::server::ServerOptions;
use crate::stores::url::StoreUrl;

/// How a [`Mysql`] store is connected. Each setting is also an option of the URL, which wins.
///
/// ```no_run
/// use std::time::Duration;
/// use cloakroom::stores::mysql::{Migrate, MysqlOptions};
///
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = MysqlOptions::default()
///     .operation_timeout(Duration::from_millis(500))
///     .migrate(Migrate::Never)
///     .connect("mysql://app:secret@db.internal/app?ssl_mode=required")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct MysqlOptions {
    pub(super) server: ServerOptions,
    pub(super) socket: Option<PathBuf>,
    pub(super) ssl_mode: Option<SslMode>,
    pub(super) migrate: Migrate,
}

impl MysqlOptions {
    /// Sets how many connections there are at most; 10 unless said otherwise.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.server.connections = connections;
        self
    }

    /// Sets how long [`connect`](Self::connect) may take, with TLS and credentials; 2 seconds unless said otherwise.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.server.connect_timeout = timeout;
        self
    }

    /// Sets how long a call may wait for a connection; half a second unless said otherwise.
    ///
    /// A new one is made within this time too: on a far network give it more than making one takes.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.server.wait_timeout = timeout;
        self
    }

    /// Sets how long the server may take to answer one call; a second unless said otherwise.
    ///
    /// The server is told how long to wait for a lock: as many whole seconds, so that it does not go on for long with
    /// what nobody waits for.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.server.operation_timeout = timeout;
        self
    }

    /// Trusts the authorities whose certificates are in this PEM file, instead of the usual ones, and requires TLS
    /// unless [`ssl_mode`](Self::ssl_mode) says otherwise.
    #[must_use]
    pub fn tls_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.server.tls_ca = Some(path.into());
        self
    }

    /// Sets whether the connections are encrypted; [`SslMode::Disabled`] unless there is a [`tls_ca`](Self::tls_ca).
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = Some(mode);
        self
    }

    /// Connects through this socket of the machine instead of over the network.
    #[must_use]
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Sets who makes the tables; [`Migrate::OnConnect`] unless said otherwise.
    #[must_use]
    pub fn migrate(mut self, migrate: Migrate) -> Self {
        self.migrate = migrate;
        self
    }

    /// Connects to the server of this URL.
    ///
    /// # Errors
    ///
    /// As [`Mysql::connect`].
    pub async fn connect(self, url: &str) -> Result<Mysql, Error> {
        Mysql::connect_with(self, url).await
    }

    /// Reads a URL, and takes what it says of them.
    pub(super) fn parse(&mut self, url: &str) -> Result<StoreUrl, Error> {
        let mut url = StoreUrl::parse(url, &["mysql", "mariadb"])?;
        self.server.take(&mut url)?;
        if let Some(path) = url.option("socket") {
            self.socket = Some(path.into());
        }
        if let Some(mode) = url.read("ssl_mode", "disabled or required", SslMode::named)? {
            self.ssl_mode = Some(mode);
        }
        if let Some(migrate) = url.read("migrate", "on_connect or never", Migrate::named)? {
            self.migrate = migrate;
        }
        url.nothing_left()?;
        if self.socket.is_some() {
            let why = "nothing is encrypted on a socket";
            self.server.trusts_no_authority(&url, why)?;
        } else if !self.encrypts() {
            let why = "with ssl_mode=disabled nothing is encrypted";
            self.server.trusts_no_authority(&url, why)?;
        }
        Ok(url)
    }

    /// Whether the connections are encrypted.
    pub(super) fn encrypts(&self) -> bool {
        match self.ssl_mode {
            Some(mode) => mode == SslMode::Required,
            None => self.server.tls_ca.is_some(),
        }
    }
}

impl Default for MysqlOptions {
    fn default() -> Self {
        Self {
            server: ServerOptions::new(10),
            socket: None,
            ssl_mode: None,
            migrate: Migrate::OnConnect,
        }
    }
}

/// Whether connections are encrypted.
///
/// There is no mode that encrypts only when the server offers it: whoever is in between can say that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslMode {
    /// Never: for a server on this machine or on a network that is trusted.
    Disabled,
    /// Always, and the server's certificate must be good for its name.
    Required,
}

impl SslMode {
    fn named(text: &str) -> Option<Self> {
        match text {
            "disabled" => Some(Self::Disabled),
            "required" => Some(Self::Required),
            _ => None,
        }
    }
}

/// Who makes the tables, and brings them up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Migrate {
    /// Whoever connects first. Needs rights to create only when there is something to do.
    #[default]
    OnConnect,
    /// Somebody else, with [`Mysql::migrate`] or [`Mysql::schema_sql`]: connecting fails when it was not done.
    Never,
}

impl Migrate {
    fn named(text: &str) -> Option<Self> {
        match text {
            "on_connect" => Some(Self::OnConnect),
            "never" => Some(Self::Never),
            _ => None,
        }
    }
}
