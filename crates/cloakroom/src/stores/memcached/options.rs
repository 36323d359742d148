//! What a memcached store is opened with.

use std::num::NonZeroUsize;
use std::time::Duration;

use cloakroom_store::Error;

use super::super::server::ServerOptions;
use super::super::url::StoreUrl;
use super::Memcached;
use super::address::{Address, Credentials};
use super::failure::misconfigured;
use super::key::Prefix;
use super::link::Target;
use super::servers::Server;

/// How a [`Memcached`] store is opened. Each setting is also an option of the URL, by the same name; the URL's
/// wins.
///
/// ```no_run
/// use std::time::Duration;
/// use cloakroom::stores::memcached::MemcachedOptions;
///
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = MemcachedOptions::default()
///     .prefix("shop")
///     .operation_timeout(Duration::from_millis(300))
///     .connect("memcache://cache-1:11211,cache-2:11211")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct MemcachedOptions {
    server: ServerOptions,
    prefix: String,
    ttl_margin: Duration,
}

const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60 * 24);

impl MemcachedOptions {
    /// Sets how many connections there are to each server at most; 2 unless said otherwise.
    ///
    /// Calls at the same time share a connection, and their commands a write. More connections help only where one
    /// processor cannot keep up with one of them.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.server.connections = connections;
        self
    }

    /// Sets how long it may take to connect and to greet the server; 2 seconds unless said otherwise.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.server.connect_timeout = timeout;
        self
    }

    /// Sets how long a call may wait for a connection; half a second unless said otherwise.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.server.wait_timeout = timeout;
        self
    }

    /// Sets how long a server may take to answer; a second unless said otherwise.
    ///
    /// One that takes longer loses the connection, and every call that waits on it fails.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.server.operation_timeout = timeout;
        self
    }

    /// Sets what every key begins with; `cloakroom` unless said otherwise. At most 88 bytes of visible ASCII
    /// without a percent sign.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long after its expiry the server keeps a session; ten minutes unless said otherwise.
    ///
    /// So much may the clock of a server be ahead of those of the application before it ends sessions early.
    #[must_use]
    pub fn ttl_margin(mut self, margin: Duration) -> Self {
        self.ttl_margin = margin;
        self
    }

    /// Opens the store on the servers of this URL.
    ///
    /// # Errors
    ///
    /// As [`Memcached::connect`].
    pub async fn connect(self, url: &str) -> Result<Memcached, Error> {
        Memcached::open(self.with_url(url)?).await
    }

    fn with_url(mut self, url: &str) -> Result<Plan, Error> {
        if url.starts_with("memcaches:") {
            return Err(misconfigured(
                "memcaches:// is not supported: this store has no TLS; use memcache:// on a network that you \
                 trust, or through a tunnel",
            ));
        }
        let mut url = StoreUrl::parse(url, &["memcache", "memcache+unix"])?;
        self.server.take(&mut url)?;
        if let Some(prefix) = url.option("prefix") {
            self.prefix = prefix;
        }
        if let Some(margin) = url.duration("ttl_margin")? {
            self.ttl_margin = margin;
        }
        url.nothing_left()?;
        self.server.trusts_no_authority(&url, "this store has no TLS")?;
        // What is longer is as good as for ever, and no clock can be asked for it.
        let [connect_timeout, wait_timeout, operation_timeout] = [
            self.server.connect_timeout,
            self.server.wait_timeout,
            self.server.operation_timeout,
        ]
        .map(|timeout| timeout.min(LONGEST_WAIT));
        let credentials = Credentials::of(&url)?;
        let server = |address| {
            let target = Target {
                address,
                credentials: credentials.clone(),
                connect_timeout,
                wait_timeout,
                operation_timeout,
            };
            Server::new(target, self.server.connections.get())
        };
        Ok(Plan {
            servers: Address::of(&url)?.into_iter().map(server).collect(),
            prefix: Prefix::new(self.prefix)?,
            ttl_margin: self.ttl_margin,
            bound: wait_timeout + operation_timeout,
        })
    }
}

impl Default for MemcachedOptions {
    fn default() -> Self {
        Self {
            server: ServerOptions::new(2),
            prefix: "cloakroom".to_owned(),
            ttl_margin: Duration::from_secs(600),
        }
    }
}

/// What options and URL come to, before anybody was asked.
pub(super) struct Plan {
    pub(super) servers: Vec<Server>,
    pub(super) prefix: Prefix,
    pub(super) ttl_margin: Duration,
    /// How long a verb may take.
    pub(super) bound: Duration,
}
