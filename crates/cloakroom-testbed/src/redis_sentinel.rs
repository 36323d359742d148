//! Sentinels that watch over a primary of Redis.

use std::ffi::OsString;

use crate::redis::{REDIS, Redis, answers, command, configuration, write_configuration};
use crate::{Launch, Server, wait_until};

/// Three sentinels that watch over a primary called `cloakroom`.
#[derive(Debug)]
pub struct Sentinels(Vec<Server>);

impl Sentinels {
    /// Starts them, and waits until they know each other and this many replicas.
    ///
    /// # Panics
    ///
    /// When they do not come up.
    pub fn watch(primary: &Redis, replicas: usize) -> Self {
        let port = primary.server().port();
        let mut lines = vec![
            "dir {directory}".to_owned(),
            "bind 127.0.0.1".to_owned(),
            format!("sentinel monitor cloakroom 127.0.0.1 {port} 2"),
            "sentinel down-after-milliseconds cloakroom 1000".to_owned(),
            "sentinel failover-timeout cloakroom 5000".to_owned(),
        ];
        if let Some(password) = &primary.password {
            lines.push(format!("sentinel auth-pass cloakroom {password}"));
        }
        let sentinels = Self((0..3).map(|_| sentinel(&lines)).collect());
        let sees = |sentinel: &Server| {
            let about = command(sentinel.port(), None, &["SENTINEL", "MASTER", "cloakroom"]);
            let about = about.unwrap_or_default();
            let lines: Vec<_> = about.lines().collect();
            let field = |name: &str| {
                let at = lines.iter().position(|line| *line == name)?;
                lines.get(at + 1)?.parse::<usize>().ok()
            };
            field("num-other-sentinels") == Some(2) && field("num-slaves") == Some(replicas)
        };
        for sentinel in &sentinels.0 {
            wait_until("the sentinels to know each other", || sees(sentinel));
        }
        sentinels
    }

    /// The URL of the primary that they watch over, with this in front of the hosts.
    pub fn url(&self, credentials: &str) -> String {
        let hosts: Vec<_> = self.0.iter().map(|server| server.address().to_string()).collect();
        format!("redis-sentinel://{credentials}{}/cloakroom", hosts.join(","))
    }

    /// The port of the primary, as they say.
    pub fn primary(&self) -> Option<u16> {
        let question = ["SENTINEL", "get-master-addr-by-name", "cloakroom"];
        let answer = self
            .0
            .iter()
            .find_map(|server| command(server.port(), None, &question).ok())?;
        answer.lines().nth(1)?.parse().ok()
    }

    /// The sentinels themselves.
    pub fn servers(&self) -> &[Server] {
        &self.0
    }
}

fn sentinel(lines: &[String]) -> Server {
    let launch = Launch {
        name: "sentinel",
        program: REDIS,
        user: None,
        arguments: Box::new(|port, directory| {
            let mut arguments = vec![configuration(directory).into_os_string()];
            arguments.extend(["--sentinel", "--port", &port.to_string()].map(OsString::from));
            arguments
        }),
        ready: Box::new(answers),
    };
    Server::start(launch, |directory| write_configuration(directory, lines))
}
