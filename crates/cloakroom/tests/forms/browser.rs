//! Sessions under each strategy, and a browser that keeps their cookies.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use cloakroom::store::{Load, Revision, Store as _};
use cloakroom::stores::disk::{DiskOptions, Durability};
use cloakroom::stores::{Disk, Memory};
use cloakroom::testing::ManualClock;
use cloakroom::{KeyRing, Outcome, Policy, Revocations, ServerKey, Session, Sessions};
use tempfile::TempDir;

/// Sessions of one strategy, by a clock that stands.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) sessions: Sessions,
    pub(crate) clock: ManualClock,
    _directory: TempDir,
}

impl Server {
    /// One for each way that sessions can be kept.
    pub(crate) async fn each() -> Vec<Self> {
        let keys = || KeyRing::new(key(1));
        let fresh_for = Duration::from_secs(10);
        let mut servers = Vec::new();
        for name in [
            "memory",
            "disk",
            "disk, with keys",
            "memory, with snapshots",
            "disk, with snapshots",
            "sealed",
        ] {
            let directory = TempDir::new().unwrap();
            let sessions = match name {
                "memory" => Sessions::new(Memory::default()),
                "disk" => Sessions::new(disk(&directory).await),
                "disk, with keys" => Sessions::new(disk(&directory).await).keys(keys()),
                "memory, with snapshots" => Sessions::new(Memory::default()).snapshots(keys(), fresh_for),
                "disk, with snapshots" => Sessions::new(disk(&directory).await).snapshots(keys(), fresh_for),
                _ => Sessions::sealed(keys(), Revocations::new(disk(&directory).await).unwrap()),
            };
            let clock = ManualClock::default();
            servers.push(Self {
                name,
                sessions: sessions.clock(&clock),
                clock,
                _directory: directory,
            });
        }
        servers
    }

    /// These sessions, by a clock of their own.
    #[cfg(feature = "cached")]
    pub(crate) fn over(sessions: Sessions) -> Self {
        let clock = ManualClock::default();
        Self {
            name: "of several nodes",
            sessions: sessions.clock(&clock),
            clock,
            _directory: TempDir::new().unwrap(),
        }
    }

    /// Those that keep sessions in a store.
    pub(crate) async fn each_with_a_store() -> Vec<Self> {
        let mut servers = Self::each().await;
        servers.retain(|server| server.name != "sealed");
        servers
    }

    /// These, with another policy.
    pub(crate) fn with_policy(mut self, policy: Policy) -> Self {
        self.sessions = self.sessions.policy(policy);
        self
    }

    /// Whether sessions are read from a copy that may be some seconds old.
    pub(crate) fn keeps_snapshots(&self) -> bool {
        self.name.ends_with("snapshots")
    }
}

/// Nothing crashes here, so no write waits for the disk.
async fn disk(directory: &TempDir) -> Disk {
    let options = DiskOptions::default().durability(Durability::Within(Duration::from_secs(60)));
    options.open(directory.path()).await.unwrap()
}

/// A server key, another one for each number.
pub(crate) fn key(number: usize) -> ServerKey {
    static KEYS: LazyLock<[ServerKey; 4]> =
        LazyLock::new(|| std::array::from_fn(|_| ServerKey::generate().unwrap()));
    KEYS[number].clone()
}

/// A browser: nothing but a jar of cookies.
#[derive(Clone, Default)]
pub(crate) struct Browser(BTreeMap<String, String>);

impl Browser {
    /// The session of one request.
    pub(crate) async fn open(&self, server: &Server) -> Session {
        let cookies: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let line = cookies.join("; ");
        server.sessions.open([line.as_bytes()].into_iter()).await.unwrap()
    }

    /// Ends the request, and keeps the cookies of the response.
    pub(crate) async fn close(&mut self, server: &Server, session: &Session) {
        self.close_with(server, session, Outcome::Success).await;
    }

    pub(crate) async fn close_with(&mut self, server: &Server, session: &Session, outcome: Outcome) {
        let finished = server.sessions.finish(session, outcome).await;
        finished.result.unwrap();
        for line in finished.set_cookie.into_iter().chain(finished.set_snapshot) {
            let (cookie, attributes) = line.split_once(';').unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// A request that does one thing.
    pub(crate) async fn ask<T>(&mut self, server: &Server, handler: impl FnOnce(&Session) -> T) -> T {
        let session = self.open(server).await;
        let answer = handler(&session);
        self.close(server, &session).await;
        answer
    }

    /// Whether both have the same token.
    pub(crate) fn has_the_token_of(&self, other: &Self) -> bool {
        self.0["__Host-session"] == other.0["__Host-session"]
    }

    /// The snapshot of the session, if there is one.
    pub(crate) fn snapshot(&mut self) -> Option<&mut String> {
        self.0.get_mut("__Host-session-snapshot")
    }

    /// What the store has of this browser's session; nothing where it has none.
    pub(crate) async fn revision(&self, server: &Server) -> Option<Revision> {
        let id = self.open(server).await.id()?;
        let load = Load::new(server.sessions.namespace().clone(), id);
        Some(server.sessions.store().load(load).await.ok()??.revision)
    }
}
