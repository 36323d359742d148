//! Where a server listens, and who we are to it.

use std::fmt;
use std::path::PathBuf;

use cloakroom_store::Error;

use super::super::url::{Host, StoreUrl};
use super::failure::misconfigured;

/// The port memcached listens on unless it is told otherwise.
const PORT: u16 = 11211;

/// Where one server listens. As text it is also the server's name among several: see [`Servers`](super::servers).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// Who we are to a server that asks.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    /// In no message: there is no `Debug`.
    pub(super) password: String,
}

impl Address {
    /// The servers that a URL names.
    pub(super) fn of(url: &StoreUrl) -> Result<Vec<Self>, Error> {
        if url.scheme == "memcache+unix" {
            if !url.hosts.is_empty() || url.path.is_empty() {
                return Err(misconfigured(format!(
                    "{url} names no socket: expected memcache+unix:///path/of/the/socket"
                )));
            }
            return Ok(vec![Self::Unix(PathBuf::from(format!("/{}", url.path)))]);
        }
        if !url.path.is_empty() {
            return Err(misconfigured(format!(
                "in {url} something follows the hosts: memcached has no databases to choose from"
            )));
        }
        let mut addresses: Vec<Self> = Vec::new();
        for host in &url.hosts {
            let address = Self::from(host);
            if addresses.contains(&address) {
                return Err(misconfigured(format!("{address} is in {url} twice")));
            }
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(misconfigured(
                "the URL names no server: expected memcache://host:port,host:port",
            ));
        }
        Ok(addresses)
    }
}

impl From<&Host> for Address {
    fn from(host: &Host) -> Self {
        Self::Tcp {
            host: host.name.to_ascii_lowercase(),
            port: host.port_or(PORT),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{}:{port}", host.escape_debug()),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Credentials {
    /// The credentials in a URL, if it has any.
    pub(super) fn of(url: &StoreUrl) -> Result<Option<Self>, Error> {
        match (&url.user, &url.password) {
            (None, None) => Ok(None),
            (Some(user), Some(password)) => {
                // The server reads `user password`, and takes no space in either (seen on 1.6.18).
                let splits = |character: char| character.is_control() || character == ' ';
                if user.contains(splits) || password.contains(splits) {
                    return Err(misconfigured(format!(
                        "the user or the password in {url} has a character that memcached cannot take"
                    )));
                }
                Ok(Some(Self {
                    user: user.clone(),
                    password: password.clone(),
                }))
            }
            _ => Err(misconfigured(format!(
                "{url} has a user without a password, or the other way around: memcached takes both or neither"
            ))),
        }
    }
}
