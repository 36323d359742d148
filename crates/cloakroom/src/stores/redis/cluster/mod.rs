//! Keeps sessions in a Redis or Valkey Cluster: as much memory and speed as it has primaries.
//!
//! ```no_run
//! use cloakroom::stores::RedisCluster;
//!
//! # async fn example() -> Result<(), cloakroom::store::Error> {
//! let store = RedisCluster::connect("redis-cluster://one.example:6379,two.example:6379").await?;
//! # Ok(()) }
//! ```
//!
//! The URL names some of the nodes, the others are found; `rediss-cluster://` encrypts. There are no database numbers in
//! a cluster.
//!
//! # What is kept there
//!
//! Each session under a key of its own, by whose slot it is spread over the primaries. And for each principal a key with
//! filings: which sessions may be theirs. It is in another slot than they are, so it is a superset: a session is filed
//! before it becomes somebody's, and whoever reads the filings asks each session whose it is. What is filed and not there
//! is skipped, and removed once it is a minute old: until then it may be a sign-in under way, whose write is refused
//! after 20 seconds. The clocks of the nodes should not differ by more than the 40 seconds between.
//!
//! # What it costs
//!
//! | verb | requests | one after the other |
//! |---|---|---|
//! | load, touch, delete | 1 | 1 |
//! | write of a session that stays its principal's, or nobody's | 1 | 1 |
//! | write that signs in | 2 | 2 |
//! | write that signs in under a cap | 4 | 4 |
//! | the same when as many are filed as the cap allows: n | 6 + n, and 2 where sessions end for it | 7 to 9 |
//! | list a principal, a page of n | 1 + n | 2 |
//! | revoke a principal with n | 2 + 2n | 4 |
//! | list, count and revoke everyone | all keys of all primaries, 512 steps at a time | |
//! | count an attempt, take it back | 1 | 1 |
//! | ping | 1 to each primary | 1 |
//! | sweep | 0 | |
//!
//! What goes to one node at the same time goes there in one write. A write signs in, as far as one can tell from it, when
//! it creates the session, or when the session was created and last seen in the same moment; where that is wrong the
//! write takes one request more, or one that was not needed.
//!
//! A few more where filings are old and tidied up, and one more for each key of a slot that is moving. What counting
//! everyone takes in memory is as with a [single server](super).
//!
//! # What it promises, and what not
//!
//! Replication is asynchronous: a primary that is lost takes its last writes with it, and its replica goes on without
//! them. So a session that was ended in the last moments may be back, and a filing may be lost: the session then works,
//! but is not listed among its principal's, and does not end with theirs. Writes to a primary that is cut off from the
//! others are lost likewise, for as long as `cluster-node-timeout` says; `min-replicas-to-write 1` makes both rarer. There
//! is no `wait_replicas` as there is for a [single primary](super::RedisOptions::wait_replicas): a sign-in writes to two
//! primaries, and a wait on each would not make one promise of the two.
//!
//! A cap is exact, also when sign-ins race: the key of the filings decides. Only a process that dies between the steps
//! leaves more: under a cap that refuses a place that is taken for a minute, and under one that ends the oldest one
//! session too many, until the principal signs in the next time.
//!
//! Listing everyone finds what lives all the while at least once, also while slots move: where one has moved to a node
//! that was gone through before, that one is gone through again.
//!
//! There is no `cached` as there is for a [single server](super::Redis): the nodes tell no near cache what changes. A
//! `Cached` around this store goes by its staleness alone: a session that another process has ended goes on here for so long.
//!
//! Set `maxmemory-policy noeviction` on every node, replicas too. With another one on a primary the card withdraws listing,
//! revoking by principal and caps; a node with another one that becomes a primary later is refused. The user
//! needs the commands that the single server takes, and `CLUSTER` and `ASKING`.

mod options;

mod store;

mod cap;
mod write;

mod everyone;
mod list;
mod revoke;

mod counters;
mod marks;
mod tour;

mod filing;
mod filings;
mod script;
mod under_way;

mod route;

mod nodes;

mod map;
mod slot;
mod topology;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom_store::{Capabilities, Error, ErrorKind, Residence};
use tokio::task::JoinSet;

use super::super::revisions::Revisions;
use super::super::url::StoreUrl;
use super::all::all;
use super::keys::Keys;
use super::script::{self as scripts, Invocation};
use super::{address, card, info, tls};
use nodes::{Nodes, Settings};
pub use options::RedisClusterOptions;
use under_way::UnderWay;

/// Keeps sessions in a Redis or Valkey Cluster. Cheap to clone; clones share the connections.
///
/// The connections belong to the runtime that it was made in, and end when the last clone is dropped.
#[derive(Clone)]
pub struct RedisCluster(Arc<Inner>);

struct Inner {
    nodes: Arc<Nodes>,
    keys: Keys,
    revisions: Revisions,
    card: Capabilities,
    margin: std::time::Duration,
    /// In milliseconds.
    index_lifetime: String,
    under_way: UnderWay,
    _keeping_up: JoinSet<()>,
}

/// The schemes of the URLs of this store.
const SCHEMES: &[&str] = &["redis-cluster", "rediss-cluster"];

impl RedisCluster {
    /// Connects to the cluster that a URL names some nodes of, with the default [`RedisClusterOptions`] but for what the
    /// URL says.
    ///
    /// # Errors
    ///
    /// With a sentence that names the node and what to do, and never has a password in it:
    ///
    /// * [`ErrorKind::Misconfigured`] when the URL makes no sense, or a node refuses the credentials or what the user is
    ///   to do with them;
    /// * [`ErrorKind::Unavailable`] when no node answers as one of a cluster, or a primary does not answer.
    ///
    /// Once it has connected, the store finds its way back from every outage by itself.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        RedisClusterOptions::default().connect(url).await
    }

    async fn connect_with(mut options: RedisClusterOptions, url: &str) -> Result<Self, Error> {
        let mut url = StoreUrl::parse(url, SCHEMES)?;
        options.take(&mut url)?;
        url.nothing_left()?;
        if url.hosts.is_empty() || !url.path.is_empty() {
            let what = "some nodes of the cluster are expected, and nothing behind them: redis-cluster://one:6379,two:6379";
            return Err(Error::new(ErrorKind::Misconfigured, format!("in {url}: {what}")));
        }
        let keys = Keys::new(&options.prefix)?;
        let tls = match url.scheme.as_str() {
            "rediss-cluster" => Some(tls::client(options.server.tls_ca.as_deref())?),
            _ => {
                let why = "the scheme of a URL with TLS is `rediss-cluster`";
                options.server.trusts_no_authority(&url, why)?;
                None
            }
        };
        let must_keep_all = Arc::<AtomicBool>::default();
        let nodes = Nodes::find(Settings {
            seeds: url
                .hosts
                .iter()
                .map(|host| address::place(host, address::PORT))
                .collect(),
            shown: url.to_string(),
            login: address::login(url.user.as_deref(), url.password.as_deref()),
            tls,
            connections: options.server.connections.get(),
            connect_timeout: options.server.connect_timeout,
            wait_timeout: options.server.wait_timeout,
            operation_timeout: options.server.operation_timeout,
            must_keep_all: Arc::clone(&must_keep_all),
        })
        .await?;
        let nodes = Arc::new(nodes);
        let mut keeping_up = JoinSet::new();
        keeping_up.spawn(Arc::clone(&nodes).keep_up());
        let card = ask(&nodes, &keys).await?;
        must_keep_all.store(!card.may_evict, Ordering::Relaxed);
        Ok(Self(Arc::new(Inner {
            nodes,
            keys,
            revisions: Revisions::default(),
            card,
            margin: options.ttl_margin,
            index_lifetime: options.index_lifetime.as_millis().to_string(),
            under_way: UnderWay::default(),
            _keeping_up: keeping_up,
        })))
    }
}

impl fmt::Debug for RedisCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisCluster").field(&self.0.nodes).finish()
    }
}

/// Asks all primaries what they promise, and whether they let us do what we must.
async fn ask(nodes: &Nodes, keys: &Keys) -> Result<Capabilities, Error> {
    const WHAT: &str = "read what it promises";
    let nobody = keys.nobody();
    let end_nobody = Invocation {
        script: &scripts::DELETE,
        keys: &[nobody.as_bytes()],
        arguments: &[b"", b"any", b""],
    };
    nodes.run(WHAT, end_nobody).await.map_err(|error| {
        // Whom it lets in and then lets do nothing is told so now, not at the first request.
        let refused = error.to_string().contains("NOPERM");
        match refused {
            true => Error::new(ErrorKind::Misconfigured, error.to_string()),
            false => error,
        }
    })?;
    let map = nodes.map();
    let memory = all(map.nodes.iter().map(async |node| {
        let turn = node.pool.turn(WHAT).await?;
        let mut question = redis::pipe();
        question.cmd("INFO").arg("memory");
        turn.send_all(&question).await
    }))
    .await;
    let mut evicts = false;
    for memory in memory {
        evicts |= memory?.iter().any(info::evicts);
    }
    // A replica that takes over need not have what was written last.
    let mut card = Capabilities::new("redis", Residence::Elsewhere).max_body(card::MAX_BODY);
    card.expires_by_itself = true;
    card.may_evict = evicts;
    card.lists = !evicts;
    card.revokes_by_principal = !evicts;
    Ok(card)
}
