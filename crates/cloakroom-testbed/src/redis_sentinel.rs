//! Sentinels that watch over a primary of Redis.

use std::ffi::OsString;
use std::time::Duration;

use crate::redis::{REDIS, Redis, answers, command, configuration, write_configuration};
use crate::server::free_port;
use crate::{Certificates, Launch, Proxy, Server, wait_until};

/// Three sentinels that watch over a primary called `cloakroom`.
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<Server>,
    /// Their ports for applications, if not the servers' own.
    tls_ports: Vec<u16>,
}

/// How sentinels are started.
#[derive(Debug, Clone)]
#[must_use]
pub struct SentinelLaunch {
    /// Where they find the primary.
    primary: u16,
    password: Option<String>,
    patience: Duration,
    certificates: Option<Certificates>,
}

impl SentinelLaunch {
    /// Sentinels that take a primary for lost after a second.
    pub fn over(primary: &Redis) -> Self {
        Self {
            primary: primary.service_port(),
            password: primary.password.clone(),
            patience: Duration::from_secs(1),
            certificates: None,
        }
    }

    /// Takes the primary for lost after this long.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Finds the primary through this, and leads applications through it.
    pub fn through(mut self, proxy: &Proxy) -> Self {
        self.primary = proxy.address().port();
        self
    }

    /// Speaks TLS, to applications and to the servers.
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        self.certificates = Some(certificates.clone());
        self
    }

    /// Starts three, and waits until they know each other and this many replicas.
    ///
    /// # Panics
    ///
    /// When they do not come up.
    pub fn start(self, replicas: usize) -> Sentinels {
        let (primary, patience) = (self.primary, self.patience.as_millis());
        let mut lines = vec![
            "dir {directory}".to_owned(),
            "bind 127.0.0.1".to_owned(),
            format!("sentinel monitor cloakroom 127.0.0.1 {primary} 2"),
            format!("sentinel down-after-milliseconds cloakroom {patience}"),
            "sentinel failover-timeout cloakroom 5000".to_owned(),
        ];
        if let Some(password) = &self.password {
            lines.push(format!("sentinel auth-pass cloakroom {password}"));
        }
        let mut sentinels = Sentinels {
            servers: Vec::new(),
            tls_ports: Vec::new(),
        };
        for _ in 0..3 {
            let mut lines = lines.clone();
            if let Some(certificates) = &self.certificates {
                let port = free_port();
                sentinels.tls_ports.push(port);
                lines.extend(encrypting(port, certificates));
            }
            sentinels.servers.push(sentinel(&lines));
        }
        for sentinel in &sentinels.servers {
            wait_until("the sentinels to know each other", || sees(sentinel, replicas));
        }
        sentinels
    }
}

impl Sentinels {
    /// Starts three that take a primary for lost after a second, and waits until they know each other and this many
    /// replicas.
    ///
    /// # Panics
    ///
    /// When they do not come up.
    pub fn watch(primary: &Redis, replicas: usize) -> Self {
        SentinelLaunch::over(primary).start(replicas)
    }

    /// The URL of the primary that they watch over, with this in front of the hosts.
    pub fn url(&self, credentials: &str) -> String {
        let ports: Vec<u16> = match &*self.tls_ports {
            [] => self.servers.iter().map(Server::port).collect(),
            ports => ports.to_vec(),
        };
        let scheme = match &*self.tls_ports {
            [] => "redis-sentinel",
            _ => "rediss-sentinel",
        };
        let hosts: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("{scheme}://{credentials}{}/cloakroom", hosts.join(","))
    }

    /// The port of the primary, as they say: with TLS if it has one.
    pub fn primary(&self) -> Option<u16> {
        let question = ["SENTINEL", "get-master-addr-by-name", "cloakroom"];
        let answer = self
            .servers
            .iter()
            .find_map(|server| command(server.port(), None, &question).ok())?;
        answer.lines().nth(1)?.parse().ok()
    }

    /// The sentinels themselves.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }
}

/// What makes a sentinel speak TLS.
fn encrypting(port: u16, certificates: &Certificates) -> [String; 6] {
    let Certificates {
        authority,
        certificate,
        key,
    } = certificates;
    [
        format!("tls-port {port}"),
        format!("tls-cert-file {}", certificate.display()),
        format!("tls-key-file {}", key.display()),
        format!("tls-ca-cert-file {}", authority.display()),
        "tls-auth-clients no".to_owned(),
        "tls-replication yes".to_owned(),
    ]
}

/// Whether a sentinel knows the two others, and this many replicas.
fn sees(sentinel: &Server, replicas: usize) -> bool {
    let about = command(sentinel.port(), None, &["SENTINEL", "MASTER", "cloakroom"]);
    let about = about.unwrap_or_default();
    let lines: Vec<_> = about.lines().collect();
    let field = |name: &str| {
        let at = lines.iter().position(|line| *line == name)?;
        lines.get(at + 1)?.parse::<usize>().ok()
    };
    field("num-other-sentinels") == Some(2) && field("num-slaves") == Some(replicas)
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
