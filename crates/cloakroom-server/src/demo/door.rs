//! How often somebody may try to come in, and where they come from.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use cloakroom::store::AnyCounters;
use cloakroom::{Attempts, Error, Sessions};

use crate::listen::Listeners;

/// Long enough that guessing is in vain, and not too long for somebody who cannot remember.
const QUARTER_OF_AN_HOUR: Duration = Duration::from_mins(15);

/// How often somebody may try to come in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Wrong passwords: from one address fewer than at one name, so that nobody shuts out another alone.
    pub(crate) signing_in: Attempts,
    /// Accounts, and tries to open one: each takes a name for good.
    pub(crate) signing_up: Attempts,
}

impl Door {
    /// Counts in this store.
    pub(crate) fn new(sessions: &Sessions, counters: AnyCounters) -> Result<Self, Error> {
        let attempts = sessions.attempts(counters);
        Ok(Self {
            signing_in: attempts
                .clone()
                .per_address(10, QUARTER_OF_AN_HOUR)?
                .per_principal(30, QUARTER_OF_AN_HOUR)?,
            signing_up: attempts.at("signing up").per_address(20, QUARTER_OF_AN_HOUR)?,
        })
    }
}

/// Where a request came from: its connection, for the demo stands behind no proxy. Behind one everybody would have the
/// proxy's address, and share its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(SocketAddr);

impl Caller {
    pub(crate) fn address(self) -> IpAddr {
        self.0.ip()
    }
}

impl Connected<IncomingStream<'_, Listeners>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Listeners>) -> Self {
        Self(*stream.remote_addr())
    }
}
