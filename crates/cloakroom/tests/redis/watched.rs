//! A primary with two replicas, and the sentinels that watch over them.

use std::time::Duration;

use cloakroom_testbed::redis::{Redis as Server, RedisLaunch, command};
use cloakroom_testbed::redis_sentinel::{SentinelLaunch, Sentinels};
use cloakroom_testbed::{Certificates, wait_until};

pub(crate) struct Watched {
    /// The first is the primary in the beginning.
    pub(crate) servers: Vec<Server>,
    pub(crate) sentinels: Sentinels,
    certificates: Option<Certificates>,
}

impl Watched {
    /// With sentinels that take a primary for lost after a second.
    pub(crate) fn start() -> Self {
        Self::launch(Duration::from_secs(1), None)
    }

    /// With sentinels that take a primary for lost after so long.
    pub(crate) fn patient(patience: Duration) -> Self {
        Self::launch(patience, None)
    }

    /// All of them speak TLS, among each other too.
    pub(crate) fn encrypted() -> Self {
        Self::launch(Duration::from_secs(1), Some(Certificates::make()))
    }

    fn launch(patience: Duration, certificates: Option<Certificates>) -> Self {
        let server = || {
            let launch = RedisLaunch::default().password("wiltshire");
            match &certificates {
                Some(certificates) => launch.tls_everywhere(certificates),
                None => launch,
            }
        };
        let primary = server().start();
        let replicas = [(); 2].map(|()| server().replica_of(&primary).start());
        primary.is_followed_by(2);
        let mut sentinels = SentinelLaunch::over(&primary).patience(patience);
        if let Some(certificates) = &certificates {
            sentinels = sentinels.tls(certificates);
        }
        Self {
            sentinels: sentinels.start(2),
            servers: [primary].into_iter().chain(replicas).collect(),
            certificates,
        }
    }

    /// Their URL with these options.
    pub(crate) fn url(&self, options: &str) -> String {
        let authority = self.certificates.as_ref().map_or(String::new(), |certificates| {
            format!("tls_ca={}&", certificates.authority.display())
        });
        let url = self.sentinels.url(":wiltshire@");
        format!("{url}?{authority}{options}")
    }

    /// Waits until the sentinels have chosen another primary than that with this port.
    pub(crate) fn another_takes_over(&self, old: u16) {
        wait_until("another primary to be chosen", || {
            let chosen = self.sentinels.primary();
            let is_old = |server: &&Server| chosen == Some(server.service_port());
            let found = self.servers.iter().find(is_old);
            found.is_some_and(|server| server.server().port() != old)
        });
    }

    /// Has a replica take over, and waits until the primary from before only reads.
    pub(crate) fn primary_is_demoted(&self) {
        let demoted = self.primary();
        let sentinel = &self.sentinels.servers()[0];
        command(sentinel.port(), None, &["SENTINEL", "FAILOVER", "cloakroom"]).unwrap();
        wait_until("the old primary to follow", || {
            // It closes everybody's connection when it is demoted.
            let role = demoted.try_command(&["ROLE"]);
            role.is_ok_and(|role| role.starts_with("slave"))
                && self.sentinels.primary() != Some(demoted.service_port())
        });
    }

    /// Who the sentinels say is the primary.
    pub(crate) fn primary(&self) -> &Server {
        let port = self.sentinels.primary().unwrap();
        let found = self.servers.iter().find(|server| server.service_port() == port);
        found.unwrap()
    }
}
