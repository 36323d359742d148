//! Where to listen: this machine by both its addresses, or one address that was asked for.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

/// Starts to listen on a port, or on any free one for port 0.
///
/// On [`Address::Localhost`] the IPv6 address is left out where the machine has none. A browser asks
/// for `localhost` at both addresses, so when another program has the port on one of them, both are refused.
///
/// # Errors
///
/// When the port is taken, may not be used, or the address is not one of this machine's.
pub async fn bind(address: Address, port: u16) -> Result<Listeners, ListenError> {
    match address {
        Address::Ip(ip) => {
            let first = bind_one(ip, port).await?;
            Ok(Listeners { first, second: None })
        }
        Address::Localhost => {
            let first = bind_one(Ipv4Addr::LOCALHOST.into(), port).await?;
            let port = first.local_addr().map_or(port, |address| address.port());
            let second = match bind_one(Ipv6Addr::LOCALHOST.into(), port).await {
                Ok(second) => Some(second),
                Err(error) if error.is_taken() => return Err(error),
                Err(_) => None,
            };
            Ok(Listeners { first, second })
        }
    }
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// At this one address.
    Ip(IpAddr),
    /// Where a browser on this machine looks for `localhost`: 127.0.0.1 and, if there is one, ::1.
    Localhost,
}

impl Address {
    /// Whether only this machine can reach it: there, Chromium and Firefox keep Secure cookies without HTTPS.
    pub fn is_loopback(self) -> bool {
        match self {
            Self::Ip(ip) => ip.is_loopback(),
            Self::Localhost => true,
        }
    }
}

/// One or two sockets that answer on the same port.
#[derive(Debug)]
pub struct Listeners {
    first: TcpListener,
    second: Option<TcpListener>,
}

impl Listeners {
    /// The port, also when it was chosen by the system.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.first.local_addr()?.port())
    }
}

impl Listener for Listeners {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match &mut self.second {
            Some(second) => tokio::select! {
                connection = Listener::accept(&mut self.first) => connection,
                connection = Listener::accept(second) => connection,
            },
            None => Listener::accept(&mut self.first).await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.first.local_addr()
    }
}

/// Why nothing listens; the text names the address and says what to do.
#[derive(Debug)]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

impl ListenError {
    fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ip, port) = (self.address.ip(), self.address.port());
        match self.source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "port {port} on {ip} is taken: stop the program that listens there, or choose another port with --port"
            ),
            io::ErrorKind::AddrNotAvailable => {
                write!(
                    f,
                    "{ip} is not an address of this machine: choose another with --listen"
                )
            }
            io::ErrorKind::PermissionDenied => {
                write!(
                    f,
                    "may not listen on port {port} of {ip}: choose a port above 1023 with --port"
                )
            }
            _ => write!(f, "could not listen on {}", self.address),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

async fn bind_one(ip: IpAddr, port: u16) -> Result<TcpListener, ListenError> {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address)
        .await
        .map_err(|source| ListenError { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let taken = bind(Address::Localhost, 0).await.unwrap();
        let port = taken.port().unwrap();
        let error = bind(Address::Localhost, port).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("port {port} on 127.0.0.1 is taken")),
            "{error}"
        );
        assert!(error.contains("--port"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named() {
        let elsewhere = Address::Ip(Ipv4Addr::new(192, 0, 2, 1).into());
        let error = bind(elsewhere, 0).await.unwrap_err().to_string();
        assert!(
            error.contains("192.0.2.1 is not an address of this machine"),
            "{error}"
        );
    }
}
