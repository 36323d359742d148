//! The servers of the suite: each is started once, and all tests share it.

use std::net::SocketAddr;
use std::sync::LazyLock;

use cloakroom_testbed::Tap;
use cloakroom_testbed::postgres::Postgres;
use cloakroom_testbed::redis::Redis;

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

/// Reaches a server through a tap of one's own.
fn tapped(url: &str, server: SocketAddr) -> Reached {
    let tap = Tap::before(server);
    Reached {
        url: url.replace(&server.to_string(), &tap.address().to_string()),
        tap: Some(tap),
    }
}
