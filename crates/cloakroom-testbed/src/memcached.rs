//! Memcached, on a port or a socket.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::geteuid;

use crate::{Launch, Program, Server};

const SOCKET: &str = "memcached.sock";
const PROGRAM: Program = Program::new("CLOAKROOM_MEMCACHED", &["memcached"], "memcached");

/// A memcached of a test's own. It starts empty, every time.
#[derive(Debug)]
pub struct Memcached(Server);

impl Memcached {
    /// Starts one with 64 MiB of memory.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with these arguments as well.
    pub fn with(arguments: &[&str]) -> Self {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Self(Server::start(launch(move |_| arguments.clone(), answers), |_| ()))
    }

    /// Starts one that asks for `bob` and `hunter2-and-more`.
    pub fn with_password() -> Self {
        let file = |directory: &Path| directory.join("users");
        let launch = launch(
            move |directory| vec!["-Y".into(), file(directory).into()],
            answers,
        );
        Self(Server::start(launch, |directory| {
            let users = file(directory);
            fs::write(&users, "bob:hunter2-and-more\n").expect("a directory of ours takes files");
            fs::set_permissions(&users, fs::Permissions::from_mode(0o644)).expect("a file of ours");
        }))
    }

    /// Starts one on a Unix socket, and no port.
    pub fn on_a_socket() -> Self {
        let launch = launch(
            |directory| {
                vec![
                    "-s".into(),
                    directory.join(SOCKET).into(),
                    "-a".into(),
                    "777".into(),
                ]
            },
            |_| true,
        );
        let server = Server::start(launch, |directory| {
            // It has given up being root when it makes the socket.
            fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).expect("a directory of ours");
        });
        let socket = server.directory().join(SOCKET);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self(server)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("memcache://{}", self.host())
    }

    /// Its address, as a host in a URL of several.
    pub fn host(&self) -> String {
        self.0.address().to_string()
    }

    /// The socket of [`on_a_socket`](Self::on_a_socket).
    pub fn socket(&self) -> PathBuf {
        self.0.directory().join(SOCKET)
    }

    /// The process, to stop, pause and start again.
    pub fn server(&self) -> &Server {
        &self.0
    }

    /// The numbers among its statistics.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn stats(&self) -> BTreeMap<String, u64> {
        let text = ask(self.0.port(), "stats\r\n", "END\r\n").expect("memcached answers");
        text.lines()
            .filter_map(|line| {
                let (name, value) = line.strip_prefix("STAT ")?.split_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }
}

fn launch(
    arguments: impl Fn(&Path) -> Vec<OsString> + Send + Sync + 'static,
    ready: impl Fn(u16) -> bool + Send + Sync + 'static,
) -> Launch {
    Launch {
        name: "memcached",
        program: PROGRAM,
        // It does not run as root. Told to become somebody else by itself, it would no longer end with us.
        user: geteuid().is_root().then_some("daemon"),
        arguments: Box::new(move |port, directory| {
            let port = port.to_string();
            let mut all: Vec<OsString> = ["-l", "127.0.0.1", "-p", &port, "-U", "0", "-t", "2"]
                .map(OsString::from)
                .into();
            all.extend(arguments(directory));
            all
        }),
        ready: Box::new(ready),
    }
}

/// Whether one answers on this port, if only that it wants a password.
fn answers(port: u16) -> bool {
    ask(port, "version\r\n", "\r\n").is_some()
}

fn ask(port: u16, command: &str, end: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(command.as_bytes()).ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).ok()? {
            0 => return None,
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    String::from_utf8(answer).ok()
}
