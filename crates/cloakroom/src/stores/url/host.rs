//! One server of a store URL: `name`, `name:port`, `[address]:port`.

use std::fmt;

use cloakroom_store::Error;

use super::{part, wrong};

/// One server of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// A name or an address; an IPv6 address without its brackets.
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

impl Host {
    /// The port, or this one where none was given.
    pub(crate) fn port_or(&self, usual: u16) -> u16 {
        self.port.unwrap_or(usual)
    }

    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let not_a_port = || wrong("a port in the store URL is not a number from 1 to 65535");
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, "")) => (name, None),
            Some((name, port)) => (name, Some(port.strip_prefix(':').ok_or_else(not_a_port)?)),
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map(|port| port.parse().ok().filter(|port| *port != 0).ok_or_else(not_a_port));
        Ok(Self {
            name: part(name, "a host")?.unwrap_or_default(),
            port: port.transpose()?,
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]", self.name)?;
        } else {
            write!(f, "{}", self.name.escape_debug())?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}
