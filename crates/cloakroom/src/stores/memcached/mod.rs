//! Keeps sessions in Memcached: fast, in memory only, on one server or several.
//!
//! ```no_run
//! use cloakroom::stores::Memcached;
//!
//! # async fn example() -> Result<(), cloakroom::store::Error> {
//! let store = Memcached::connect("memcache://cache-1:11211,cache-2:11211").await?;
//! # Ok(()) }
//! ```
//!
//! For sessions whose loss is a nuisance and no more: a restart of a server ends those that it holds, and a full
//! one drops those that were not used for longest.
//!
//! # What is kept there
//!
//! One item for each session, under `cloakroom%namespace%id` ([`prefix`](MemcachedOptions::prefix)): the clear
//! metadata and the sealed body. There is no index, so sessions cannot be listed, counted, or ended by their
//! principal; those verbs answer [`ErrorKind::Unsupported`]. The revision of a record is the item's own `cas`. The
//! server forgets an item ten minutes after the session has expired
//! ([`ttl_margin`](MemcachedOptions::ttl_margin)). Counters of [`Attempts`](crate::Attempts) are numbers beside them, and go
//! likewise.
//!
//! # What it costs
//!
//! | verb | requests |
//! |---|---|
//! | load, write, delete of anybody's | 1 |
//! | touch | 2: a read and a conditional write; 1 when it is refused or moves nothing |
//! | delete of a principal's | 2: a read and a conditional delete, and again when a write came between |
//! | counting an attempt, taking it back | 1 |
//! | ping | 1 to each server |
//!
//! Calls at the same time share a connection, and their commands share a write to it. Two connections to a server
//! carry what a processor of the application can ask.
//!
//! # Several servers
//!
//! A session is on the server that weighs most for its key, by the server's name as it is in the URL: give every
//! node the same names, and a name rather than an address that may change. One that does not answer is an outage
//! for its own sessions, and never a reason to use another.
//!
//! Adding a server ends the sessions that it takes over, and taking one out those that it held. Their items stay
//! where they were until they expire. So when a list goes back to what it was, or a server comes back into it, a
//! session that somebody ended meanwhile could be back too: change the list on all nodes, then restart the servers.
//!
//! # What may go wrong
//!
//! **Restart.** A server starts empty: its sessions are gone, and their users sign in again. What was gone before
//! cannot come back by that: a write to a session that is not there is refused.
//!
//! **Full.** A full server drops what was not used for longest, live sessions and counters included: what was counted is
//! then forgotten, as after a restart. Give it memory for all of
//! them: the record, about 130 bytes for header and key, and up to a quarter more, for its sizes come in steps.
//! With `-M` it refuses instead, and the answer is [`ErrorKind::Full`]; but it drops the item that was to be
//! replaced, so a write that finds no room ends the session that it was to change.
//!
//! **Large.** A body has at most the server's item size (`-I`, 1 MiB unless it is told otherwise) less 1 KiB, the
//! smallest of all servers as it is when the store is opened. A larger one is [`ErrorKind::TooLarge`] and nothing is
//! sent. Do not lower it while sessions are kept: a server that refuses a size also drops the item.
//!
//! **Clocks.** The server's clock decides when it forgets an item: keep it in step to within the margin.
//!
//! **Outages.** Each verb answers within [`wait_timeout`](MemcachedOptions::wait_timeout) and
//! [`operation_timeout`](MemcachedOptions::operation_timeout) together. The first call after an outage connects
//! again.
//!
//! # What to set on the server
//!
//! Version 1.6.13 or later; tested with 1.6.18. It must keep `cas`, so no `-C`. Nobody else should reach it:
//! whoever does can read the metadata and end everybody's session with one command. Listen on a private address or
//! a Unix socket (`memcache+unix:///path`), and consider `--auth-file` (`memcache://user:password@host`), `-F`
//! against `flush_all` and `-X` against dumps of all keys. There is no TLS here. A memory file (`-e`) and external
//! storage are not tested.

mod options;

mod store;

mod delete;
mod touch;

mod counters;

mod item;
mod servers;

mod expiry;
mod key;
mod value;

mod link;

mod connection;
mod dial;

mod command;
mod reply;

mod address;
mod failure;

#[cfg(fuzzing)]
pub mod fuzzing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::Error;
#[cfg(doc)]
use cloakroom_store::ErrorKind;

use key::Prefix;
pub use options::MemcachedOptions;
use options::Plan;
use servers::Server;

/// Keeps sessions in Memcached. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Memcached(Arc<Inner>);

struct Inner {
    servers: Vec<Server>,
    prefix: Prefix,
    ttl_margin: Duration,
    /// How long a verb may take, however many requests it sends.
    bound: Duration,
    /// The largest body that every server takes.
    max_body: usize,
}

/// What an item has beside its body, rounded up: the server's header, the key, and ours.
const AROUND_THE_BODY: usize = 1024;
const _: () = assert!(64 + key::LONGEST + value::LONGEST_HEADER <= AROUND_THE_BODY);

/// The smallest item size that is worth to be called one.
const SMALLEST_ITEM_SIZE: usize = 16 << 10;

impl Memcached {
    /// Opens the store on the servers of this URL with the default [`MemcachedOptions`].
    ///
    /// `memcache://[user:password@]host[:port][,host[:port]...][?option=value&...]`, or
    /// `memcache+unix:///path/of/the/socket`. The options are `connections`, `connect_timeout`, `wait_timeout`,
    /// `operation_timeout`, `prefix` and `ttl_margin`, as on [`MemcachedOptions`]; lengths of time have a unit
    /// (`500ms`, `2s`, `10m`).
    ///
    /// # Errors
    ///
    /// * [`ErrorKind::Misconfigured`] when the URL makes no sense, a server refuses the password, is too old, or is
    ///   not set up as it must be: the message says what is accepted;
    /// * [`ErrorKind::Unavailable`] when a server cannot be reached. Every one must be: a name that is wrong should
    ///   be heard of now. Later each may come and go.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        MemcachedOptions::default().connect(url).await
    }

    async fn open(plan: Plan) -> Result<Self, Error> {
        let Plan {
            servers,
            prefix,
            ttl_margin,
            bound,
        } = plan;
        let mut smallest = usize::MAX;
        for server in &servers {
            let settings = server.connect().await;
            let settings = settings.map_err(|failure| failure.of_connecting(server.address()))?;
            if settings.item_size_max < SMALLEST_ITEM_SIZE {
                return Err(failure::misconfigured(format!(
                    "memcached at {} takes no items over {} bytes, too few for sessions: start it with -I 1m",
                    server.address(),
                    settings.item_size_max
                )));
            }
            smallest = smallest.min(settings.item_size_max);
        }
        Ok(Self(Arc::new(Inner {
            servers,
            prefix,
            ttl_margin,
            bound,
            max_body: smallest - AROUND_THE_BODY,
        })))
    }
}

impl fmt::Debug for Memcached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.0.servers.iter().map(Server::address).collect();
        f.debug_struct("Memcached")
            .field("servers", &servers)
            .field("prefix", &self.0.prefix)
            .finish_non_exhaustive()
    }
}
