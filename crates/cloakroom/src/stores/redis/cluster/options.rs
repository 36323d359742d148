//! What a store in a cluster is opened with.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use cloakroom_store::Error;

use super::super::super::server::ServerOptions;
use super::super::super::url::StoreUrl;
use super::RedisCluster;

/// How a [`RedisCluster`] store is opened. Each setting is also an option of the URL, by the same name, and there it
/// wins.
///
/// ```no_run
/// use std::time::Duration;
/// use cloakroom::stores::redis::RedisClusterOptions;
///
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = RedisClusterOptions::default()
///     .operation_timeout(Duration::from_millis(500))
///     .connect("redis-cluster://app:secret@one.example:6379,two.example:6379")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RedisClusterOptions {
    pub(super) server: ServerOptions,
    pub(super) prefix: String,
    pub(super) ttl_margin: Duration,
    pub(super) index_lifetime: Duration,
}

impl RedisClusterOptions {
    /// Sets how many connections all requests share to each primary; one unless said otherwise.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.server.connections = connections;
        self
    }

    /// Sets how long it may take to connect, with TLS and credentials; 2 seconds unless said otherwise.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.server.connect_timeout = timeout;
        self
    }

    /// Sets how long a call may wait while there is no connection; 500 milliseconds unless said otherwise.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.server.wait_timeout = timeout;
        self
    }

    /// Sets how long a node may take to answer one call; a second unless said otherwise.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.server.operation_timeout = timeout;
        self
    }

    /// Sets a file with the certificates of the authorities to trust, as PEM, instead of the usual ones.
    #[must_use]
    pub fn tls_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.server.tls_ca = Some(path.into());
        self
    }

    /// Sets what all keys begin with; `cloakroom` unless said otherwise.
    ///
    /// 1 to 64 bytes of visible ASCII without braces or a percent sign.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how much later than its session a key goes; 10 minutes unless said otherwise.
    ///
    /// Redis removes a key by its own clock. This is by how much that may be ahead of the clocks of the application.
    #[must_use]
    pub fn ttl_margin(mut self, margin: Duration) -> Self {
        self.ttl_margin = margin;
        self
    }

    /// Sets how long after a principal's last sign-in it is known which sessions are theirs; 400 days unless said
    /// otherwise, as long as browsers keep a cookie.
    ///
    /// It must be longer than any session lives without a new sign-in: a session that outlives it works, but is in no
    /// list of its principal's, and does not end with them.
    #[must_use]
    pub fn index_lifetime(mut self, lifetime: Duration) -> Self {
        self.index_lifetime = lifetime;
        self
    }

    /// Connects to the cluster that a URL names some nodes of.
    ///
    /// # Errors
    ///
    /// As [`RedisCluster::connect`].
    pub async fn connect(self, url: &str) -> Result<RedisCluster, Error> {
        RedisCluster::connect_with(self, url).await
    }

    /// Takes what the URL says.
    pub(super) fn take(&mut self, url: &mut StoreUrl) -> Result<(), Error> {
        self.server.take(url)?;
        if let Some(prefix) = url.option("prefix") {
            self.prefix = prefix;
        }
        if let Some(margin) = url.duration("ttl_margin")? {
            self.ttl_margin = margin;
        }
        let days = |text: &str| {
            text.strip_suffix('d')?
                .parse::<u32>()
                .ok()
                .filter(|days| *days > 0)
        };
        if let Some(days) = url.read("index_lifetime", "a number of days such as 400d", days)? {
            self.index_lifetime = Duration::from_hours(24 * u64::from(days));
        }
        Ok(())
    }
}

impl Default for RedisClusterOptions {
    fn default() -> Self {
        Self {
            server: ServerOptions::new(1),
            prefix: "cloakroom".to_owned(),
            ttl_margin: Duration::from_mins(10),
            index_lifetime: Duration::from_hours(400 * 24),
        }
    }
}
