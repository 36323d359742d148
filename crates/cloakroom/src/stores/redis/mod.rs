//! Keeps sessions in Redis or Valkey: one server, or a primary with replicas that sentinels watch over.

mod options;

mod store;

mod write;

mod delete;
mod touch;

mod list;
mod revoke;

mod cursor;
mod scan;

mod keys;
mod record;
mod script;

mod card;

mod pool;
mod turn;

mod link;

mod server;

mod address;
mod backoff;
mod driver;
mod failure;
mod sentinel;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{Capabilities, Error};

use super::revisions::Revisions;
use super::url::StoreUrl;
use address::Address;
use keys::Keys;
pub use options::RedisOptions;
use pool::{Pool, Replicas};
use server::Server;

/// Keeps sessions in Redis or Valkey. Cheap to clone; clones share the connections.
///
/// The connections belong to the runtime that it was made in, and end when the last clone is dropped.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    reads: Pool,
    /// Connections for what waits for replicas: it holds up what comes behind it.
    waits: Option<Pool>,
    keys: Keys,
    revisions: Revisions,
    card: Capabilities,
    margin: Duration,
}

impl Redis {
    /// Connects to the server that a URL names, with the default [`RedisOptions`] but for what the URL says.
    ///
    /// # Errors
    ///
    /// With a sentence that names the server and what to do, and never has a password in it:
    ///
    /// * [`ErrorKind::Misconfigured`](cloakroom_store::ErrorKind::Misconfigured) when the URL makes no sense, or the
    ///   server refuses the credentials or what the user is to do with them;
    /// * [`ErrorKind::Unavailable`](cloakroom_store::ErrorKind::Unavailable) when there is no server, or it is a
    ///   replica.
    ///
    /// Once it has connected, the store finds its way back from every outage by itself.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        RedisOptions::default().connect(url).await
    }

    async fn connect_with(mut options: RedisOptions, url: &str) -> Result<Self, Error> {
        let mut url = StoreUrl::parse(url, address::SCHEMES)?;
        options.take(&mut url)?;
        let address = Address::take(&mut url)?;
        url.nothing_left()?;
        let keys = Keys::new(&options.prefix)?;
        let tls = match address.tls {
            true => Some(tls::client(options.server.tls_ca.as_deref())?),
            false => None,
        };
        let server = Arc::new(Server {
            shown: url.to_string(),
            address,
            tls,
            connect_timeout: options.server.connect_timeout,
            operation_timeout: options.server.operation_timeout,
        });
        let first = server.connect().await;
        let first = first.map_err(|error| failure::not_connected(&server.shown, &error))?;
        let card = card::ask(&server, &first, &keys).await?;
        let (connections, wait) = (options.server.connections.get(), options.server.wait_timeout);
        let waits = options.wait_replicas.map(|count| {
            let replicas = Replicas {
                count: count.get(),
                within: options.wait_replicas_timeout,
            };
            Pool::new(Arc::clone(&server), connections, wait, Some(replicas), None)
        });
        Ok(Self(Arc::new(Inner {
            reads: Pool::new(server, connections, wait, None, Some(first)),
            waits,
            keys,
            revisions: Revisions::default(),
            card,
            margin: options.margin,
        })))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.reads).finish()
    }
}

impl Inner {
    /// Where writes and endings go.
    fn endings(&self) -> &Pool {
        self.waits.as_ref().unwrap_or(&self.reads)
    }
}
