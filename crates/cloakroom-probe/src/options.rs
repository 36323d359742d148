//! The command line, and the sessions it asks for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use cloakroom::store::{Error as StoreError, Marks as _, Residence};
use cloakroom::stores::cached::CachedOptions;
use cloakroom::stores::{self, Cached, Redis};
use cloakroom::{KeyFile, KeyRing, Lifetime, Policy, Revocations, ServerKey, Sessions};

/// A fixed HTTP surface over any session store, to attack it from outside and to compare libraries.
#[derive(Debug, Clone, Parser)]
#[command(name = "cloakroom-probe")]
#[non_exhaustive]
pub struct Options {
    /// Where sessions are kept, or with `--strategy sealed` which of them have ended: `memory:`, `disk:PATH`, or the URL of any store there is
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
    /// A server key for data at rest, or to seal cookies: a file of 32 random bytes, or of 64 hex digits
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// The same as a file of `cloakroom keys`, whose changes are taken up while it runs
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    pub keys: Option<PathBuf>,
    /// How long in milliseconds a sealed session may go on here that was ended at another node
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    pub refresh_within: u64,
    /// How long in milliseconds a snapshot is good for, with `--strategy hybrid`
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub fresh_for: u64,
    /// How long in milliseconds a copy of what was read is good for here; Redis, unless it is a cluster, also tells what changes
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub copied_for: u64,
}

impl Options {
    /// The server's keys, if there are any.
    ///
    /// # Errors
    ///
    /// When their file cannot be used, saying why.
    pub fn key_ring(&self) -> anyhow::Result<Option<KeyRing>> {
        if let Some(path) = &self.keys {
            let keys = KeyFile::new(path).read().context("--keys")?;
            return Ok(Some(KeyRing::from(keys)));
        }
        let key = self.key_file.as_deref().map(read_key).transpose()?;
        Ok(key.map(KeyRing::new))
    }

    /// Opens the store, and the sessions in it.
    ///
    /// # Errors
    ///
    /// When a timeout or the store cannot be used, or a key is missing, saying which and why.
    pub async fn sessions(&self, keys: Option<KeyRing>) -> anyhow::Result<Sessions> {
        if self.absolute < self.idle {
            bail!(
                "--absolute {} is less than --idle {}: a session would end before it could be idle",
                self.absolute,
                self.idle
            );
        }
        let lifetime = Lifetime::new(Duration::from_secs(self.idle), Duration::from_secs(self.absolute))
            .context("--idle and --absolute")?;
        let sessions = match (self.strategy, keys) {
            (Strategy::Stored, None) => Sessions::new(self.near_cache().await?),
            (Strategy::Stored, Some(keys)) => Sessions::new(self.near_cache().await?).keys(keys),
            (Strategy::Sealed, Some(keys)) => Sessions::sealed(keys, self.revocations().await?),
            (Strategy::Hybrid, Some(keys)) => {
                let fresh_for = Duration::from_millis(self.fresh_for);
                let store = self.near_cache().await?;
                Sessions::new(store).keys(keys.clone()).snapshots(keys, fresh_for)
            }
            (Strategy::Sealed, None) => bail!("--strategy sealed needs a key: --keys or --key-file"),
            (Strategy::Hybrid, None) => bail!("--strategy hybrid needs a key: --keys or --key-file"),
        };
        // What is remembered lives as long: the probe's timeouts are those it was given.
        Ok(sessions.policy(Policy::default().lifetime(lifetime).remembered(Some(lifetime))))
    }

    /// The store, and copies of what is read from it, for as long as the options say.
    async fn near_cache(&self) -> anyhow::Result<Cached> {
        let options = CachedOptions::default().staleness(Duration::from_millis(self.copied_for));
        Ok(match self.store.split(':').next() {
            Some("redis" | "rediss" | "redis+unix" | "redis-sentinel" | "rediss-sentinel") => {
                self.open(Redis::connect(&self.store)).await?.cached(options)
            }
            _ => options.around(self.open(stores::open(&self.store)).await?),
        })
    }

    async fn revocations(&self) -> anyhow::Result<Revocations> {
        let marks = self.open(stores::open_marks(&self.store)).await?;
        let revocations = match marks.card().residence {
            // The probe is there to try things out, and `memory:` was asked for.
            Residence::Process => Revocations::danger_in_memory(marks),
            Residence::Elsewhere => Revocations::new(marks)?,
        };
        Ok(revocations.refresh_within(Duration::from_millis(self.refresh_within)))
    }

    async fn open<T>(&self, opening: impl Future<Output = Result<T, StoreError>>) -> anyhow::Result<T> {
        // Not the URL, which may hold a password: the store names its part without.
        opening.await.context("--store")
    }
}

/// How sessions are kept.
// Complete until the next one is written: the known values are in the program's help.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// In the store; the cookie holds a token
    Stored,
    /// In the cookie; the store holds what has ended
    Sealed,
    /// In the store; a second cookie holds what it said a moment ago
    Hybrid,
}

/// What serves the requests.
// Complete until the next one is written: the known values are in the program's help.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Framework {
    /// axum
    Axum,
    /// actix-web
    Actix,
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
        assert!(refused("--strategy dreamt").contains("[possible values: stored, sealed, hybrid]"));
        assert!(refused("--framework rocket").contains("[possible values: axum, actix]"));
    }

    #[test]
    fn hex_digits_are_a_key() {
        assert_eq!(from_hex("0f".repeat(32).as_bytes()), Some([0x0f; 32]));
        assert_eq!(from_hex("0f".repeat(31).as_bytes()), None);
        assert_eq!(from_hex("0".repeat(63).as_bytes()), None);
        assert_eq!(from_hex("+f".repeat(32).as_bytes()), None);
    }
}
