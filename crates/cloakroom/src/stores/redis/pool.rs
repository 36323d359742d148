//! A few connections that everybody shares.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_store::Error;
use redis::{Cmd, Value};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::failure;
use super::link::{self, Link, Links};
use super::script::{Invocation, Scripts};
use super::server::{Connected, Live, Server};
use super::turn::Turn;

/// Connections to one server. They end when this is dropped.
pub(super) struct Pool {
    server: Arc<Server>,
    links: watch::Receiver<Links>,
    /// Whose turn it is.
    next: AtomicUsize,
    wait_timeout: Duration,
    replicas: Option<Replicas>,
    _keepers: JoinSet<()>,
}

/// How many replicas must have what was written before it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replicas {
    pub(super) count: usize,
    /// How long to wait for them.
    pub(super) within: Duration,
}

impl Pool {
    /// Keeps so many connections, the first of which may be there already.
    pub(super) fn new(
        server: Arc<Server>,
        connections: usize,
        wait_timeout: Duration,
        replicas: Option<Replicas>,
        mut first: Option<Connected>,
    ) -> Self {
        let mut starting = vec![Link::Down("it is being made".into()); connections];
        if let (Some(connected), Some(link)) = (&first, starting.first_mut()) {
            *link = Link::Up(Arc::clone(&connected.live));
        }
        let (links, receiver) = watch::channel(starting);
        let links = Arc::new(links);
        let mut keepers = JoinSet::new();
        for number in 0..connections {
            let (server, links) = (Arc::clone(&server), Arc::clone(&links));
            keepers.spawn(link::keep(server, number, links, first.take()));
        }
        Self {
            server,
            links: receiver,
            next: AtomicUsize::new(0),
            wait_timeout,
            replicas,
            _keepers: keepers,
        }
    }

    /// Sends a command.
    ///
    /// # Errors
    ///
    /// What the server answers, or that it does not.
    pub(super) async fn send(&self, what: &'static str, command: &Cmd) -> Result<Value, Error> {
        self.turn(what).await?.send(command).await
    }

    /// A turn on a connection that is up, as soon as there is one.
    ///
    /// # Errors
    ///
    /// When there is none for too long: with why.
    pub(super) async fn turn(&self, what: &'static str) -> Result<Turn<'_>, Error> {
        let live = match self.pick() {
            Some(live) => live,
            None => self.come_up(what).await?,
        };
        Ok(Turn::new(&self.server, live, self.replicas, what))
    }

    async fn come_up(&self, what: &'static str) -> Result<Arc<Live>, Error> {
        let mut links = self.links.clone();
        let any_up = links.wait_for(|links| links.iter().any(|link| link.live().is_some()));
        let came_up = matches!(timeout(self.wait_timeout, any_up).await, Ok(Ok(_)));
        let live = self.pick().filter(|_| came_up);
        live.ok_or_else(|| {
            let server = &self.server.shown;
            failure::no_connection(what, server, self.wait_timeout, &self.reason())
        })
    }

    /// The next connection that is up.
    fn pick(&self) -> Option<Arc<Live>> {
        let links = self.links.borrow();
        let first = match links.len() {
            1 => 0,
            _ => self.next.fetch_add(1, Ordering::Relaxed),
        };
        let mut from_there = (0..links.len()).map(|n| &links[first.wrapping_add(n) % links.len()]);
        from_there.find_map(Link::live).cloned()
    }

    /// Why there is no connection.
    fn reason(&self) -> Arc<str> {
        let links = self.links.borrow();
        let down = links.iter().find_map(|link| match link {
            Link::Up(_) => None,
            Link::Down(reason) => Some(Arc::clone(reason)),
        });
        down.unwrap_or_else(|| "it has just been lost".into())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.server.shown).finish()
    }
}

impl Scripts for Pool {
    async fn run(&self, what: &'static str, invocation: Invocation<'_>) -> Result<Value, Error> {
        self.turn(what).await?.run(invocation).await
    }

    fn nonsense(&self, what: &str) -> Error {
        failure::nonsense(what, &self.server.shown)
    }
}
