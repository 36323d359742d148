//! Reaches a server: connects, says who we are, and sees that it can do what we need.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::address::{Address, Credentials};
use super::failure::Failure;

/// The first release whose `ms` answers the new `cas`.
const OLDEST: (u32, u32, u32) = (1, 6, 13);

/// The ends of a connection, whatever it is made of.
pub(super) struct Socket {
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) writer: Box<dyn AsyncWrite + Send + Unpin>,
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// The largest item it takes, with key and header (`-I`).
    pub(super) item_size_max: usize,
}

/// Connects to a server that turns out to be one we can use.
pub(super) async fn dial(
    address: &Address,
    credentials: Option<&Credentials>,
) -> Result<(Socket, Settings), Failure> {
    let mut socket = open(address).await.map_err(|error| {
        Failure::unavailable(format!(
            "{error}: see whether it runs and can be reached from here"
        ))
    })?;
    let settings = socket.greet(credentials).await?;
    Ok((socket, settings))
}

async fn open(address: &Address) -> io::Result<Socket> {
    match address {
        Address::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            // A command leaves when it is written: waiting for more is our own business.
            stream.set_nodelay(true)?;
            let (reader, writer) = stream.into_split();
            Ok(Socket {
                reader: Box::new(reader),
                writer: Box::new(writer),
            })
        }
        Address::Unix(path) => {
            let (reader, writer) = UnixStream::connect(path).await?.into_split();
            Ok(Socket {
                reader: Box::new(reader),
                writer: Box::new(writer),
            })
        }
    }
}

impl Socket {
    async fn greet(&mut self, credentials: Option<&Credentials>) -> Result<Settings, Failure> {
        let mut version = self.ask("version\r\n", "\r\n").await?;
        let asks = version.starts_with("CLIENT_ERROR unauthenticated");
        match credentials {
            Some(credentials) if asks => {
                self.authenticate(credentials).await?;
                version = self.ask("version\r\n", "\r\n").await?;
            }
            None if asks => {
                return Err(Failure::misconfigured(
                    "it asks for a user and a password: put them into the URL",
                ));
            }
            // A server that does not ask would keep the password as an item.
            Some(_) => {
                return Err(Failure::misconfigured(
                    "it asks for no password: start it with an --auth-file, or take the user out of the URL",
                ));
            }
            None => {}
        }
        new_enough(&version)?;
        let settings = self.ask("stats settings\r\n", "END\r\n").await?;
        Settings::read(&settings)
    }

    /// Says who we are, in the way of the text protocol: as the value of the first `set`.
    async fn authenticate(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        let Credentials { user, password } = credentials;
        let length = user.len() + 1 + password.len();
        let set = format!("set auth 0 0 {length}\r\n{user} {password}\r\n");
        let answer = self.ask(&set, "\r\n").await?;
        if answer.starts_with("STORED") {
            return Ok(());
        }
        Err(Failure::misconfigured(
            "it refused the user and the password: see whether they are in its --auth-file",
        ))
    }

    /// Sends a line, and reads until the answer ends with this, or is an error.
    async fn ask(&mut self, command: &str, end: &str) -> Result<String, Failure> {
        const LONGEST: usize = 64 << 10;
        let broken = |error: io::Error| Failure::unavailable(format!("it broke the connection: {error}"));
        self.writer.write_all(command.as_bytes()).await.map_err(broken)?;
        let mut answer = Vec::with_capacity(4096);
        while answer.len() < LONGEST {
            if self.reader.read_buf(&mut answer).await.map_err(broken)? == 0 {
                return Err(Failure::unavailable(
                    "it closed the connection at once: see whether it has reached its limit of connections (-c)",
                ));
            }
            let error = answer.ends_with(b"\r\n") && is_error(&answer);
            if error || answer.ends_with(end.as_bytes()) {
                return Ok(String::from_utf8_lossy(&answer).into_owned());
            }
        }
        Err(not_memcached())
    }
}

impl Settings {
    fn read(text: &str) -> Result<Self, Failure> {
        let setting = |name: &str| {
            text.lines()
                .filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '))
                .find_map(|(given, value)| (given == name).then_some(value))
        };
        if setting("cas_enabled") != Some("yes") {
            return Err(Failure::misconfigured(
                "it does not keep the `cas` of items: start it without -C",
            ));
        }
        let item_size_max = setting("item_size_max").and_then(|size| size.parse().ok());
        let item_size_max = item_size_max.ok_or_else(not_memcached)?;
        Ok(Self { item_size_max })
    }
}

fn is_error(answer: &[u8]) -> bool {
    ["ERROR", "CLIENT_ERROR", "SERVER_ERROR"]
        .iter()
        .any(|error| answer.starts_with(error.as_bytes()))
}

fn new_enough(answer: &str) -> Result<(), Failure> {
    let version = answer
        .strip_prefix("VERSION ")
        .ok_or_else(not_memcached)?
        .trim_end();
    // Distributions add to the last number: 1.6.18-1, 1.6.21_1.
    let mut numbers = version.split(|character: char| !character.is_ascii_digit());
    let mut number = || numbers.next().and_then(|number| number.parse().ok());
    let found = number().zip(number()).zip(number());
    if found.is_some_and(|((major, minor), patch)| (major, minor, patch) >= OLDEST) {
        return Ok(());
    }
    let (major, minor, patch) = OLDEST;
    Err(Failure::misconfigured(format!(
        "it is version {}: {major}.{minor}.{patch} or later is needed",
        version.escape_debug()
    )))
}

fn not_memcached() -> Failure {
    Failure::misconfigured("what answers there is not memcached")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_too_old_is_named() {
        for fine in [
            "VERSION 1.6.13\r\n",
            "VERSION 1.6.18\r\n",
            "VERSION 1.6.21_1\r\n",
            "VERSION 2.0.0\r\n",
        ] {
            assert!(new_enough(fine).is_ok(), "{fine}");
        }
        for old in [
            "VERSION 1.6.12\r\n",
            "VERSION 1.5.22\r\n",
            "VERSION 1.6\r\n",
            "VERSION beta\r\n",
        ] {
            let failure = new_enough(old).unwrap_err().to_string();
            assert!(failure.contains("1.6.13"), "{failure}");
        }
        assert!(new_enough("ERROR\r\n").is_err());
    }

    #[test]
    fn a_server_without_cas_is_refused() {
        let read = |cas: &str| {
            Settings::read(&format!(
                "STAT cas_enabled {cas}\r\nSTAT item_size_max 1048576\r\nEND\r\n"
            ))
        };
        assert_eq!(read("yes").unwrap().item_size_max, 1 << 20);
        assert!(read("no").unwrap_err().to_string().contains("-C"));
        assert!(Settings::read("ERROR\r\n").is_err());
    }
}
