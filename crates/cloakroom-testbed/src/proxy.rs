//! Stands between a client and a server, and does to their connections what networks do.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::server::listen_on_free_port;

/// A port on loopback that leads to a server, for as long as it is told to.
///
/// Its threads end with the connections; the one that listens ends with the process. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    plan: Mutex<Plan>,
    changed: Condvar,
}

/// What is done to the connections.
#[derive(Debug, Default)]
struct Plan {
    target: Option<SocketAddr>,
    /// How many more bytes of replies there are before a connection is cut, once.
    cut_after: Option<usize>,
    /// Connections with a lower number let nothing through.
    stalled_before: u64,
    /// The number of the next connection.
    next: u64,
    connections: Vec<TcpStream>,
    /// How many connections were cut as told.
    cuts: usize,
}

impl Proxy {
    /// Leads to the server at this address.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    pub fn to(target: SocketAddr) -> Self {
        let proxy = Self::to_nowhere();
        proxy.lead_to(target);
        proxy
    }

    /// Closes every connection until it is told where to [lead](Self::lead_to) them.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    pub fn to_nowhere() -> Self {
        let listener = listen_on_free_port();
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            plan: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.connect(client);
            }
        });
        Self { address, shared }
    }

    /// Where a client connects to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts one connection once so many more bytes of replies have gone through, whosever they are.
    pub fn cut_after(&self, bytes: usize) {
        self.shared.plan().cut_after = Some(bytes);
    }

    /// How many connections were cut like that.
    pub fn cuts(&self) -> usize {
        self.shared.plan().cuts
    }

    /// Lets nothing through any more, and closes nothing.
    pub fn stall(&self) {
        self.shared.plan().stalled_before = u64::MAX;
    }

    /// Lets nothing through on the connections that there are, and closes nothing: as when the other end has vanished
    /// without a word, and another has taken its place.
    pub fn forget_connections(&self) {
        let mut plan = self.shared.plan();
        plan.stalled_before = plan.next;
    }

    /// Lets everything through again.
    pub fn resume(&self) {
        self.shared.plan().stalled_before = 0;
        self.shared.changed.notify_all();
    }

    /// Closes every connection there is. New ones go through.
    pub fn drop_connections(&self) {
        let connections = std::mem::take(&mut self.shared.plan().connections);
        for connection in connections {
            close(&connection);
        }
        self.shared.changed.notify_all();
    }

    /// Leads new connections to another server.
    pub fn lead_to(&self, target: SocketAddr) {
        self.shared.plan().target = Some(target);
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries bytes both ways between a client and the server, unless there is no server.
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let (target, number) = {
            let mut plan = self.plan();
            plan.next += 1;
            (plan.target, plan.next - 1)
        };
        let Some(Ok(server)) = target.map(TcpStream::connect) else {
            return close(&client);
        };
        for stream in [&client, &server] {
            // What is sent is sent, as it would be without us in between.
            let _ = stream.set_nodelay(true);
        }
        let copy = |stream: &TcpStream| stream.try_clone().expect("a socket can be copied");
        self.plan().connections.extend([copy(&client), copy(&server)]);
        let (requests, replies) = (Arc::clone(self), Arc::clone(self));
        let (from, to) = (copy(&client), copy(&server));
        thread::spawn(move || requests.carry(number, from, to, false));
        thread::spawn(move || replies.carry(number, server, client, true));
    }

    fn carry(&self, number: u64, mut from: TcpStream, mut to: TcpStream, are_replies: bool) {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let (allowed, is_cut) = self.allow(number, length, are_replies);
            if to.write_all(&bytes[..allowed]).is_err() || is_cut {
                break;
            }
        }
        close(&from);
        close(&to);
    }

    /// How many of these bytes go through, and whether the connection is cut behind them. Waits while it is stalled.
    fn allow(&self, number: u64, length: usize, are_replies: bool) -> (usize, bool) {
        let plan = self
            .changed
            .wait_while(self.plan(), |plan| number < plan.stalled_before);
        let mut plan = plan.unwrap_or_else(PoisonError::into_inner);
        match plan.cut_after {
            Some(left) if are_replies && left <= length => {
                plan.cut_after = None;
                plan.cuts += 1;
                (left, true)
            }
            Some(left) if are_replies => {
                plan.cut_after = Some(left - length);
                (length, false)
            }
            _ => (length, false),
        }
    }
}

fn close(stream: &TcpStream) {
    // It may be closed already.
    let _ = stream.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_proxy_comes_up_while_others_start_processes() {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        Command::new("true").status().expect("it is everywhere");
                    }
                });
            }
            let came_up = thread::scope(|proxies| {
                let proxies = proxies.spawn(|| (0..500).for_each(|_| drop(Proxy::to_nowhere())));
                proxies.join().is_ok()
            });
            is_over.store(true, Ordering::Relaxed);
            assert!(came_up);
        });
    }
}
