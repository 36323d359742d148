//! What a redis store is opened with.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};

use super::super::server::ServerOptions;
use super::super::url::StoreUrl;
use super::Redis;
use super::pool::Replicas;

/// How a [`Redis`] store is opened. Each setting is also an option of the URL, by the same name, and there it wins.
///
/// ```no_run
/// use std::time::Duration;
/// use cloakroom::stores::redis::RedisOptions;
///
/// # async fn example() -> Result<(), cloakroom::store::Error> {
/// let store = RedisOptions::default()
///     .prefix("shop")
///     .operation_timeout(Duration::from_millis(500))
///     .connect("rediss://app:secret@redis.example:6379/0?tls_ca=/etc/ssl/our-ca.pem")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RedisOptions {
    pub(super) server: ServerOptions,
    pub(super) prefix: String,
    pub(super) ttl_margin: Duration,
    pub(super) wait_replicas: Option<NonZeroUsize>,
    pub(super) wait_replicas_timeout: Option<Duration>,
}

impl RedisOptions {
    /// Sets how many connections all requests share; 1 unless said otherwise.
    ///
    /// The more there are, the fewer commands leave together: of 64 tasks, one connection carries more than two do, and
    /// two more than four. With [`wait_replicas`](Self::wait_replicas) there are as many more, for what waits.
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

    /// Sets how long the server may take to answer one call; a second unless said otherwise.
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

    /// Sets how many replicas must have a write or an ending before it is answered; none unless said otherwise.
    ///
    /// It costs the delay of the replicas for each, and fewer writes leave together. Where it is not reached the answer
    /// is an error, and the write may have been applied all the same.
    /// What is read to find out waits for them likewise, and so does [`confirm`](crate::Session::confirm).
    #[must_use]
    pub fn wait_replicas(mut self, replicas: NonZeroUsize) -> Self {
        self.wait_replicas = Some(replicas);
        self
    }

    /// Sets how long to wait for the replicas, where [`wait_replicas`](Self::wait_replicas) says that there is something to
    /// wait for; 500 milliseconds unless said otherwise.
    #[must_use]
    pub fn wait_replicas_timeout(mut self, timeout: Duration) -> Self {
        self.wait_replicas_timeout = Some(timeout);
        self
    }

    /// Connects to the server that a URL names.
    ///
    /// # Errors
    ///
    /// As [`Redis::connect`].
    pub async fn connect(self, url: &str) -> Result<Redis, Error> {
        Redis::connect_with(self, url).await
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
        let positive = |text: &str| text.parse::<NonZeroUsize>().ok();
        if let Some(replicas) = url.read("wait_replicas", "a number from 1", positive)? {
            self.wait_replicas = Some(replicas);
        }
        if let Some(timeout) = url.duration("wait_replicas_timeout")? {
            self.wait_replicas_timeout = Some(timeout);
        }
        Ok(())
    }

    /// For how many replicas to wait, if for any.
    ///
    /// # Errors
    ///
    /// When the wait would have no end, or outlast the call, or it is said for how long to wait and not for how many.
    pub(super) fn replicas(&self) -> Result<Option<Replicas>, Error> {
        let (count, within) = match (self.wait_replicas, self.wait_replicas_timeout) {
            (Some(count), within) => (count, within.unwrap_or(Duration::from_millis(500))),
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                return Err(Error::new(
                    ErrorKind::Misconfigured,
                    "wait_replicas_timeout is of no use without wait_replicas, which says for how many to wait",
                ));
            }
        };
        // Redis takes no time at all as forever.
        if within < Duration::from_millis(1) || within >= self.server.operation_timeout {
            return Err(Error::new(
                ErrorKind::Misconfigured,
                format!(
                    "wait_replicas_timeout={within:?} is not between a millisecond and the operation_timeout, {:?}",
                    self.server.operation_timeout
                ),
            ));
        }
        Ok(Some(Replicas {
            count: count.get(),
            within,
        }))
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            server: ServerOptions::new(1),
            prefix: "cloakroom".to_owned(),
            ttl_margin: Duration::from_secs(600),
            wait_replicas: None,
            wait_replicas_timeout: None,
        }
    }
}
