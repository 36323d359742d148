//! The command line, and the sessions it asks for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use cloakroom::{KeyRing, Lifetime, Policy, ServerKey, Sessions};

/// A fixed HTTP surface over any session store, to attack it from outside and to compare libraries.
#[derive(Debug, Clone, Parser)]
#[command(name = "cloakroom-probe")]
#[non_exhaustive]
pub struct Options {
    /// Where sessions are kept: `memory:`, `disk:PATH`, or the URL of any store there is
    #[arg(long, value_name = "URL")]
    pub store: String,
    /// The address and port to listen on; port 0 takes any
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    /// How sessions are kept
    #[arg(long, value_enum, default_value_t = Strategy::Stored)]
    pub strategy: Strategy,
    /// What serves the requests
    #[arg(long, value_enum, default_value_t = Framework::Axum)]
    pub framework: Framework,
    /// The idle timeout in seconds
    #[arg(long, value_name = "SECS", default_value_t = 1800)]
    pub idle: u64,
    /// The absolute timeout in seconds
    #[arg(long, value_name = "SECS", default_value_t = 86_400)]
    pub absolute: u64,
    /// A server key for data at rest: a file of 32 random bytes, or of 64 hex digits
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

impl Options {
    /// Opens the store, and the sessions in it.
    ///
    /// # Errors
    ///
    /// When a timeout, the key or the store cannot be used, saying which and why.
    pub async fn sessions(&self) -> anyhow::Result<Sessions> {
        if self.absolute < self.idle {
            bail!(
                "--absolute {} is less than --idle {}: a session would end before it could be idle",
                self.absolute,
                self.idle
            );
        }
        let lifetime = Lifetime::new(Duration::from_secs(self.idle), Duration::from_secs(self.absolute))
            .context("--idle and --absolute")?;
        let key = self.key_file.as_deref().map(read_key).transpose()?;
        let store = cloakroom::stores::open(&self.store)
            .await
            // Not the URL, which may hold a password: the store names its part without.
            .context("--store")?;
        // What is remembered lives as long: the probe's timeouts are those it was given.
        let policy = Policy::default().lifetime(lifetime).remembered(Some(lifetime));
        let sessions = Sessions::new(store).policy(policy);
        Ok(match key {
            Some(key) => sessions.keys(KeyRing::new(key)),
            None => sessions,
        })
    }
}

/// How sessions are kept.
// Complete until the next one is written: the known values are in the program's help.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// In the store; the cookie holds a token
    Stored,
}

/// What serves the requests.
// Complete until the next one is written: the known values are in the program's help.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Framework {
    /// axum
    Axum,
}

fn read_key(path: &Path) -> anyhow::Result<ServerKey> {
    let named = || format!("--key-file {}", path.display());
    let content = std::fs::read(path).with_context(named)?;
    let bytes = match <[u8; ServerKey::LEN]>::try_from(content.as_slice()) {
        Ok(raw) => Some(raw),
        Err(_) => from_hex(content.trim_ascii_end()),
    };
    let Some(bytes) = bytes else {
        bail!("{}: it holds neither 32 bytes nor 64 hex digits", named());
    };
    ServerKey::from_bytes(bytes).with_context(named)
}

fn from_hex(text: &[u8]) -> Option<[u8; ServerKey::LEN]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &str) -> String {
        let arguments = ["probe", "--store", "memory:", "--listen", "127.0.0.1:0"]
            .into_iter()
            .chain(arguments.split_whitespace());
        Options::try_parse_from(arguments)
            .expect_err("it makes no sense")
            .to_string()
    }

    #[test]
    fn an_unknown_value_is_answered_with_the_known_ones() {
        assert!(refused("--strategy dreamt").contains("[possible values: stored]"));
        assert!(refused("--framework rocket").contains("[possible values: axum]"));
    }

    #[test]
    fn hex_digits_are_a_key() {
        assert_eq!(from_hex("0f".repeat(32).as_bytes()), Some([0x0f; 32]));
        assert_eq!(from_hex("0f".repeat(31).as_bytes()), None);
        assert_eq!(from_hex("0".repeat(63).as_bytes()), None);
        assert_eq!(from_hex("+f".repeat(32).as_bytes()), None);
    }
}
