//! The servers of the suite: each is started once, and all tests share it.

use std::net::SocketAddr;
use std::sync::LazyLock;

use cloakroom_testbed::Tap;
use cloakroom_testbed::memcached::Memcached;
use cloakroom_testbed::mysql::Mysqld;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::{Redis, RedisLaunch};
use cloakroom_testbed::redis_cluster::RedisCluster;
use cloakroom_testbed::redis_sentinel::Sentinels;

/// How Redis is asked for one session, as it is sent.
pub(crate) const GET: &[u8] = b"\nGET\r\n";

/// A server, as one stage reaches it.
pub(crate) struct Reached {
    pub(crate) url: String,
    /// Hears what is sent there, where one server is all there is.
    pub(crate) tap: Option<Tap>,
}

pub(crate) fn redis() -> Reached {
    static REDIS: LazyLock<Redis> = LazyLock::new(Redis::start);
    tapped(&REDIS.url(), REDIS.server().address())
}

pub(crate) fn postgres() -> Reached {
    static POSTGRES: LazyLock<Postgres> = LazyLock::new(Postgres::start);
    tapped(&POSTGRES.url(), POSTGRES.address())
}

/// A primary, a replica, and three sentinels that watch over them.
pub(crate) fn sentinel() -> Reached {
    static WATCHED: LazyLock<(Redis, Redis, Sentinels)> = LazyLock::new(|| {
        let primary = Redis::start();
        let replica = RedisLaunch::default().replica_of(&primary).start();
        primary.is_followed_by(1);
        let sentinels = Sentinels::watch(&primary, 1);
        (primary, replica, sentinels)
    });
    Reached {
        url: patient(&WATCHED.2.url("")),
        tap: None,
    }
}

pub(crate) fn cluster() -> Reached {
    static CLUSTER: LazyLock<RedisCluster> = LazyLock::new(|| RedisCluster::start(3));
    Reached {
        url: patient(&CLUSTER.url()),
        tap: None,
    }
}

pub(crate) fn memcached() -> Reached {
    static MEMCACHED: LazyLock<Memcached> = LazyLock::new(Memcached::start);
    tapped(&MEMCACHED.url(), MEMCACHED.server().address())
}

pub(crate) fn mysql() -> Reached {
    static MYSQL: LazyLock<Mysqld> = LazyLock::new(Mysqld::start);
    tapped(&MYSQL.url(), MYSQL.server().address())
}

/// No test waits this long unless it fails: what is slow here is the machine.
fn patient(url: &str) -> String {
    format!("{url}?connect_timeout=60s&wait_timeout=60s&operation_timeout=60s")
}

/// Reaches a server through a tap of one's own.
fn tapped(url: &str, server: SocketAddr) -> Reached {
    let tap = Tap::before(server);
    let url = url.replace(&server.to_string(), &tap.address().to_string());
    Reached {
        url: patient(&url),
        tap: Some(tap),
    }
}
