//! Keeps sessions in Redis or Valkey: one server, or a primary with replicas that sentinels watch over.
//!
//! ```no_run
//! use cloakroom::stores::Redis;
//!
//! # async fn example() -> Result<(), cloakroom::store::Error> {
//! let store = Redis::connect("rediss://app:secret@redis.example/0?tls_ca=/etc/ssl/our-ca.pem").await?;
//! # Ok(()) }
//! ```
//!
//! | URL | server |
//! |---|---|
//! | `redis://user:password@host:6379/0` | one server; the number at the end is the database |
//! | `rediss://…` | the same with TLS |
//! | `redis+unix:///run/redis.sock?db=0` | over a socket |
//! | `redis-sentinel://user:password@one:26379,two:26379/mymaster/0` | the primary that these sentinels name |
//! | `rediss-sentinel://…` | the same, with TLS to servers and sentinels |
//!
//! The user and the password are those of the servers; sentinels that want some too get `sentinel_user` and
//! `sentinel_password`, options of the URL. The others are the methods of [`RedisOptions`]. Redis from 6.2 on and every
//! Valkey have what is needed; it is tested on Redis 7.0 and Valkey 9.1, and with TLS on Redis alone.
//!
//! # What is kept there
//!
//! A string for each session, `{prefix}%{namespace}%s%{id}`, and a sorted set of ids for each principal,
//! `{prefix}%{namespace}%p%{principal}`. Both go by themselves, so there is nothing to sweep: a session ten minutes (the
//! [`ttl_margin`](RedisOptions::ttl_margin)) after it has expired, and the set up to five hours after the last of its sessions. A
//! counter of [`Attempts`](crate::Attempts) is a number under `{prefix}%{namespace}%c%…`, and goes as sessions do.
//! Whoever reads the keys learns when which principal was seen on what, but neither tokens nor session data: `Sessions` seals
//! them before they come here.
//!
//! # What it costs
//!
//! | verb | round trips |
//! |---|---|
//! | load, ping | 1: `GET`, `PING` |
//! | write with or without a cap, touch, delete, revoking a principal | 1: a script |
//! | listing a principal | 1 a page |
//! | listing, counting, revoking everyone | 2 for every 512 keys of the database, this store's or not |
//! | counting an attempt, taking it back | 1: a script |
//! | sweep | 0 |
//!
//! A command that was given up may have counted, and nobody takes that back: too much is counted then, never too little.
//!
//! A script that the server does not know, as after a restart, is one round trip more. All requests share one
//! [connection](RedisOptions::connections), and the commands of requests that run at the same time leave in one write.
//! Listing and revoking everyone goes through the whole key space: give sessions a database of their own when other
//! keys are many. Counting everyone's is exact, and for that remembers every id it has counted until it is done, since the
//! server may show a key twice: 19 to 39 bytes each in this process, 285 MB for
//! ten million and half as much again while it grows (x86-64, 26 November 2026).
//!
//! # What it promises
//!
//! Each verb is decided by the server, in one step. No command is sent twice. A call takes at most `wait_timeout` and
//! `operation_timeout` together, 1.5 seconds unless said otherwise; counting and revoking everyone go on for as long as
//! each step is answered in time. A connection that breaks, goes silent or leads to a replica is replaced without a
//! restart of the application.
//!
//! # What may go wrong
//!
//! *Durability.* Redis keeps what it has in memory. Only with `appendonly yes` and `appendfsync always` does an answered
//! write survive that the server is killed, and only then does the card say so. With `everysec` the last second is
//! lost, and with it what was ended in that second: a session that was signed out may be back.
//!
//! *Eviction.* With a `maxmemory-policy` other than `noeviction` the server drops sessions to make room, also those that
//! are signed in, and the indexes too: nobody could be sure to have ended all sessions of a principal. The card then
//! withdraws listing, revoking by principal and caps. Set `noeviction`: writes answer
//! [`ErrorKind::Full`](cloakroom_store::ErrorKind::Full) when there is no room, reads and endings go on. Set it on every
//! replica too: what the card promises goes by the server that the store is opened on, and one that takes its place and
//! evicts is refused, as an outage that says why. To go on with another policy, restart the application. Where it was
//! another one before, some sessions may be in no index yet: each is filed again by the first write or touch that moves its
//! expiry by five hours. End all of them where that is too long.
//!
//! *Failover.* Replicas follow a little later. The last writes and endings before a primary is lost may be lost with it,
//! and a primary that was cut off goes on to take some, for about a second after the sentinels have chosen another. All
//! sentinels of the URL are asked at once, and the latest that most of them know is believed: name at least three, so that
//! one that was cut off together with the old primary does not lead there. Where no more than that one answers, it is
//! believed by who has just started, and whoever had found a later primary stays there.
//! [`wait_replicas`](RedisOptions::wait_replicas) answers only once that many replicas have it, on connections of its own.
//! That makes a loss unlikely, not impossible: whether it is lost depends on which replica is promoted. On the server,
//! `min-replicas-to-write 1` and `min-replicas-max-lag 10` have a primary that was cut off stop taking writes.
//!
//! *Rights.* A user of its own needs
//! `~cloakroom%* ~{cloakroom%* -@all +get +getrange +set +setrange +del +exists +pexpire +pexpireat +persist +pttl +zadd
//! +zcard +zrem +zrange +zrangebylex +zrangebyscore +zrandmember +hget +hgetall +hlen +hmget +hset +hsetnx +hdel +time +scan +incr +decr
//! +eval +evalsha +wait +role +info +ping +select +config|get`. What begins with a brace are marks, and commands with `h`
//! are for them alone. With `wait_replicas` it needs `+publish &cloakroom%waits` too. Without `config|get` the card promises no
//! durability; the rest is missed at once or at the first write.
//!
//! *Clusters.* A server of a cluster is refused.

mod options;

mod cluster;

mod store;

mod write;

mod delete;
mod touch;

mod list;
mod revoke;

mod counters;
mod marks;

mod cursor;
mod scan;

mod keys;
mod record;
mod script;

mod card;

mod pool;
mod turn;

mod link;

#[cfg(feature = "cached")]
mod fed;
#[cfg(feature = "cached")]
mod tracking;

mod server;

mod address;
mod all;
mod driver;
mod failure;
mod info;
mod sentinel;
mod tls;

#[cfg(fuzzing)]
pub mod fuzzing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::{Capabilities, Error};

use super::revisions::Revisions;
use super::url::StoreUrl;
use address::{Address, Place};
pub use cluster::{RedisCluster, RedisClusterOptions};
use keys::Keys;
pub use options::RedisOptions;
use pool::Pool;
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

    /// Keeps copies of what this process reads in front of this store, and has the server tell which change: what another
    /// process writes is seen here within milliseconds.
    ///
    /// The server tells over a connection of its own, by [client tracking](https://redis.io/docs/latest/develop/reference/client-side-caching/).
    /// While that is away no copies are kept, and the store is asked each time. One that goes silent is found out within
    /// half a second and an `operation_timeout`. What this process writes is kept once it has been read again, since the
    /// server tells of that, too. Whatever happens, a copy answers for no longer than the
    /// [staleness](super::cached::CachedOptions::staleness) of the options: without one none is kept.
    ///
    /// The user needs `+hello +client|tracking` beside what the store needs.
    #[cfg(feature = "cached")]
    #[must_use]
    pub fn cached(self, options: super::cached::CachedOptions) -> super::cached::Cached {
        let (server, keys) = (Arc::clone(self.0.reads.server()), self.0.keys.clone());
        let feeder = Arc::<fed::Feeder>::default();
        let (cached, invalidations) = options.around_fed(fed::Fed {
            redis: self,
            feeder: Arc::clone(&feeder),
        });
        tokio::spawn(tracking::feed(server, keys, feeder, invalidations));
        cached
    }

    async fn connect_with(mut options: RedisOptions, url: &str) -> Result<Self, Error> {
        let mut url = StoreUrl::parse(url, address::SCHEMES)?;
        options.take(&mut url)?;
        let address = Address::take(&mut url)?;
        url.nothing_left()?;
        let (keys, replicas) = (Keys::new(&options.prefix)?, options.replicas()?);
        let tls = match address.tls {
            true => Some(tls::client(options.server.tls_ca.as_deref())?),
            false => {
                let why = match &address.place {
                    Place::Socket(_) => "nothing is encrypted on a socket",
                    _ => "the scheme of a URL with TLS is `rediss` or `rediss-sentinel`",
                };
                options.server.trusts_no_authority(&url, why)?;
                None
            }
        };
        let server = Arc::new(Server {
            shown: url.to_string(),
            address,
            tls,
            connect_timeout: options.server.connect_timeout,
            operation_timeout: options.server.operation_timeout,
            must_keep_all: Arc::default(),
        });
        let first = server.connect().await;
        let first = first.map_err(|error| failure::not_connected(&server.shown, &error))?;
        let card = card::ask(&server, &first, &keys, replicas).await?;
        let (connections, wait) = (options.server.connections.get(), options.server.wait_timeout);
        let waits =
            replicas.map(|replicas| Pool::new(Arc::clone(&server), connections, wait, Some(replicas), None));
        Ok(Self(Arc::new(Inner {
            reads: Pool::new(server, connections, wait, None, Some(first)),
            waits,
            keys,
            revisions: Revisions::default(),
            card,
            margin: options.ttl_margin,
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
