//! What every store with a server is told: how many connections, how long to wait, whom to trust.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use cloakroom_store::{Error, ErrorKind};

use super::url::StoreUrl;

/// The settings that all stores with a server share. Each is a method of the store's options and an option of its
/// URL, by the same name.
#[derive(Debug, Clone)]
pub(crate) struct ServerOptions {
    /// How many connections there are at most.
    pub(crate) connections: NonZeroUsize,
    /// How long it may take to connect, with TLS and credentials.
    pub(crate) connect_timeout: Duration,
    /// How long a call may wait for a connection.
    pub(crate) wait_timeout: Duration,
    /// How long the server may take to answer one call.
    pub(crate) operation_timeout: Duration,
    /// The certificates of the authorities to trust, as PEM, instead of the usual ones.
    pub(crate) tls_ca: Option<PathBuf>,
}

impl ServerOptions {
    /// The defaults: with these connections a call takes at most 1.5 seconds, less than the two that `Sessions` allows
    /// a store.
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            connections: NonZeroUsize::new(connections).unwrap_or(NonZeroUsize::MIN),
            connect_timeout: Duration::from_secs(2),
            wait_timeout: Duration::from_millis(500),
            operation_timeout: Duration::from_secs(1),
            tls_ca: None,
        }
    }

    /// The longest that a call takes.
    #[cfg(feature = "postgres")]
    pub(crate) fn bound(&self) -> Duration {
        self.wait_timeout + self.operation_timeout
    }

    /// Holds when no authority is to be trusted: for connections that are not encrypted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`]: who names one believes that they are.
    pub(crate) fn trusts_no_authority(&self, url: &StoreUrl, why: &str) -> Result<(), Error> {
        match self.tls_ca {
            None => Ok(()),
            Some(_) => Err(Error::new(
                ErrorKind::Misconfigured,
                format!("tls_ca in {url} is of no use: {why}"),
            )),
        }
    }

    /// Takes what the URL says of them.
    pub(crate) fn take(&mut self, url: &mut StoreUrl) -> Result<(), Error> {
        let positive = |text: &str| text.parse::<NonZeroUsize>().ok();
        if let Some(connections) = url.read("connections", "a number from 1", positive)? {
            self.connections = connections;
        }
        for (name, timeout) in [
            ("connect_timeout", &mut self.connect_timeout),
            ("wait_timeout", &mut self.wait_timeout),
            ("operation_timeout", &mut self.operation_timeout),
        ] {
            if let Some(given) = url.duration(name)? {
                *timeout = given;
            }
        }
        if let Some(path) = url.option("tls_ca") {
            self.tls_ca = Some(path.into());
        }
        Ok(())
    }
}
