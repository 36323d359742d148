//! Redis and Valkey: one server, and a primary with replicas.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Certificates, Launch, Program, Server, wait_until};

/// Redis; or Valkey, where there is no Redis or the variable names one.
pub const REDIS: Program = Program::new("REDIS_SERVER", &["redis-server", "valkey-server"], "redis-server");

/// A server of Redis or Valkey on a port of its own.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    pub(crate) password: Option<String>,
    tls_port: Option<u16>,
}

/// How a server is started.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisLaunch {
    settings: Vec<String>,
    password: Option<String>,
    tls_port: Option<u16>,
}

impl Default for RedisLaunch {
    /// A server that keeps nothing on the disk unless it is told to.
    fn default() -> Self {
        Self {
            settings: vec!["save \"\"".to_owned(), "appendonly no".to_owned()],
            password: None,
            tls_port: None,
        }
    }
}

impl RedisLaunch {
    /// Adds a line of its configuration; `{directory}` in it becomes the server's own.
    pub fn with(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// Wants this password.
    pub fn password(mut self, password: &str) -> Self {
        self.settings.push(format!("requirepass {password}"));
        self.settings.push(format!("masterauth {password}"));
        self.password = Some(password.to_owned());
        self
    }

    /// Keeps everything, on the disk before it answers.
    pub fn durable(self) -> Self {
        self.with("appendonly yes").with("appendfsync always")
    }

    /// Also listens on a second port with TLS.
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        let port = crate::server::free_port();
        self.tls_port = Some(port);
        self.with(format!("tls-port {port}"))
            .with(format!("tls-cert-file {}", certificates.certificate.display()))
            .with(format!("tls-key-file {}", certificates.key.display()))
            .with("tls-auth-clients no")
    }

    /// Also listens on a second port with TLS, and speaks TLS to other servers.
    pub fn tls_everywhere(self, certificates: &Certificates) -> Self {
        self.tls(certificates)
            .with(format!("tls-ca-cert-file {}", certificates.authority.display()))
            .with("tls-replication yes")
    }

    /// Follows another server, on its port with TLS if it has one.
    pub fn replica_of(self, primary: &Redis) -> Self {
        let port = primary.service_port();
        self.with(format!("replicaof 127.0.0.1 {port}"))
            .with("repl-diskless-sync-delay 0")
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start(self) -> Redis {
        let Self {
            settings,
            password,
            tls_port,
        } = self;
        let launch = Launch {
            name: "redis",
            program: REDIS,
            user: None,
            arguments: Box::new(|port, directory| {
                let mut arguments = vec![configuration(directory).into_os_string()];
                arguments.extend(["--port", &port.to_string()].map(OsString::from));
                arguments
            }),
            ready: Box::new(answers),
        };
        let server = Server::start(launch, |directory| {
            let mut lines = settings;
            lines.push("dir {directory}".to_owned());
            lines.push("unixsocket {directory}/redis.sock".to_owned());
            lines.push("bind 127.0.0.1".to_owned());
            write_configuration(directory, &lines);
        });
        Redis {
            server,
            password,
            tls_port,
        }
    }
}

impl Redis {
    /// A server of Redis that keeps nothing on the disk.
    pub fn start() -> Self {
        RedisLaunch::default().start()
    }

    /// Its URL, with the password it wants.
    pub fn url(&self) -> String {
        match &self.password {
            Some(password) => format!("redis://:{password}@{}", self.server.address()),
            None => format!("redis://{}", self.server.address()),
        }
    }

    /// The URL of its port with TLS, for this name of the machine.
    ///
    /// # Panics
    ///
    /// When it has none.
    pub fn tls_url(&self, host: &str) -> String {
        let port = self.tls_port.expect("it was started with TLS");
        format!("rediss://{host}:{port}")
    }

    /// The port for whoever is to be served: with TLS if it has one.
    pub fn service_port(&self) -> u16 {
        self.tls_port.unwrap_or(self.server.port())
    }

    /// The URL of its socket.
    pub fn socket_url(&self) -> String {
        format!("redis+unix://{}/redis.sock", self.server.directory().display())
    }

    /// The process, to stop, pause and start it again.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Sends a command, and answers what the server said: a string, a number, or several lines.
    ///
    /// # Panics
    ///
    /// When it does not answer, or answers an error.
    pub fn command(&self, parts: &[&str]) -> String {
        let answered = self.try_command(parts);
        answered.unwrap_or_else(|error| panic!("{} answered: {error}", parts.join(" ")))
    }

    /// Sends a command, and answers what the server said, or why it did not do it.
    ///
    /// # Errors
    ///
    /// When it does not answer, or answers an error.
    pub fn try_command(&self, parts: &[&str]) -> io::Result<String> {
        command(self.server.port(), self.password.as_deref(), parts)
    }

    /// The version, as `redis 7.0.15`.
    pub fn version(&self) -> String {
        let about = self.command(&["INFO", "server"]);
        let field = |name: &str| about.lines().find_map(|line| line.strip_prefix(name));
        match field("valkey_version:") {
            Some(version) => format!("valkey {version}"),
            None => format!("redis {}", field("redis_version:").unwrap_or("of no version")),
        }
    }

    /// How often each command was called since the server started or was told to forget.
    pub fn calls(&self) -> Vec<(String, u64)> {
        let statistics = self.command(&["INFO", "commandstats"]);
        let calls = statistics.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        });
        calls.collect()
    }

    /// Waits until so many replicas follow, and have what there is at this moment.
    ///
    /// A primary calls a replica online when it has sent all that it had, and that one may still be busy taking it up: it
    /// is as empty then as it was. Only its first acknowledgement says that it has it, and has the primary send the rest.
    ///
    /// # Panics
    ///
    /// When they do not.
    pub fn is_followed_by(&self, replicas: usize) {
        let mut offset = None;
        wait_until("the replicas to follow", || {
            let about = self.command(&["INFO", "replication"]);
            // Once it has sent anything: there are pings.
            let sent = number_behind(&about, "master_repl_offset:").filter(|sent| *sent > 0);
            offset = offset.or(sent);
            let has_it = |line: &&str| {
                let acknowledged = number_behind(line, ",offset=");
                line.contains("state=online") && offset.is_some() && acknowledged >= offset
            };
            about.lines().filter(has_it).count() >= replicas
        });
    }
}

/// The number that comes after these words.
fn number_behind(text: &str, words: &str) -> Option<u64> {
    let (_, rest) = text.split_once(words)?;
    let end = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Its file of settings.
pub(crate) fn configuration(directory: &Path) -> PathBuf {
    directory.join("redis.conf")
}

/// Writes that file; `{directory}` in a line becomes the server's own.
pub(crate) fn write_configuration(directory: &Path, lines: &[String]) {
    let text = lines
        .join("\n")
        .replace("{directory}", &directory.display().to_string());
    fs::write(configuration(directory), text + "\n").expect("the server's directory is ours");
}

/// Whether a server takes requests: it may want a password first, but it must not be loading.
pub(crate) fn answers(port: u16) -> bool {
    match command(port, None, &["PING"]) {
        Ok(_) => true,
        Err(error) => error.to_string().starts_with("NOAUTH"),
    }
}

/// Sends a command to whatever listens on this port, and answers what it said.
///
/// # Errors
///
/// When it does not answer, or answers an error.
pub fn command(port: u16, password: Option<&str>, parts: &[&str]) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    if let Some(password) = password {
        stream.write_all(&packed(&["AUTH", password]))?;
        reply(&mut replies)?;
    }
    stream.write_all(&packed(parts))?;
    reply(&mut replies)
}

fn packed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        bytes.extend(format!("${}\r\n{part}\r\n", part.len()).into_bytes());
    }
    bytes
}

fn reply(from: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::UnexpectedEof)?;
    let number = || rest.parse::<i64>().map_err(io::Error::other);
    match kind {
        "+" | ":" => Ok(rest.to_owned()),
        "-" => Err(io::Error::other(rest.to_owned())),
        "$" => {
            let Ok(length) = usize::try_from(number()?) else {
                return Ok(String::new());
            };
            let mut bytes = vec![0; length + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        "*" => {
            let parts: io::Result<Vec<_>> = (0..number()?).map(|_| reply(from)).collect();
            Ok(parts?.join("\n"))
        }
        _ => Err(io::Error::other(line.to_owned())),
    }
}
