//! Listens in on what clients send to a server: all of its bytes, and the requests in them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::protocol::Protocol;

/// Stands between clients and a server, and remembers what clients send.
///
/// Its threads end with their connections; the one that listens ends with the process.
#[derive(Debug, Clone)]
pub struct Tap {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// What was sent on one connection.
#[derive(Debug, Default)]
struct Heard {
    bytes: Vec<u8>,
    /// How many bytes of it were taken as requests before.
    taken: usize,
    /// How many pieces it came in: about as many as the client has made system calls.
    pieces: usize,
}

impl Tap {
    /// Listens on a port of its own, and hands everything on to the server and back.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let tap = Self {
            address,
            heard: Arc::clone(&heard),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is away closes the connection, as its own port would refuse it.
                if let Ok(server) = TcpStream::connect(server) {
                    hand_on(client, server, &heard);
                }
            }
        });
        tap
    }

    /// Where clients reach the server through it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that clients have sent, one connection after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.heard()
            .iter()
            .flat_map(|heard| heard.bytes.clone())
            .collect()
    }

    /// In how many pieces it has arrived.
    pub fn pieces(&self) -> usize {
        self.heard().iter().map(|heard| heard.pieces).sum()
    }

    /// The requests since the last time they were taken, by name, of one connection after the other.
    ///
    /// # Panics
    ///
    /// When something is not a request of the protocol.
    pub fn take(&self, protocol: Protocol) -> Vec<String> {
        let mut requests = Vec::new();
        for heard in self.heard().iter_mut() {
            let (taken, found) = protocol.requests(&heard.bytes, heard.taken);
            heard.taken = taken;
            requests.extend(found);
        }
        requests
    }

    fn heard(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hand_on(client: TcpStream, server: TcpStream, heard: &Arc<Mutex<Vec<Heard>>>) {
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("a socket takes TCP_NODELAY");
    }
    let copy = |socket: &TcpStream| socket.try_clone().expect("a socket can be cloned");
    let (from_client, to_server) = (copy(&client), copy(&server));
    let all = Arc::clone(heard);
    let number = {
        let mut all = heard.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Heard::default());
        all.len() - 1
    };
    thread::spawn(move || {
        pump(from_client, to_server, |piece| {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all[number].bytes.extend_from_slice(piece);
            all[number].pieces += 1;
        });
    });
    thread::spawn(move || pump(server, client, |_| ()));
}

/// Hands on what comes until it ends, then ends the other side too.
fn pump(mut from: TcpStream, mut to: TcpStream, mut hear: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        hear(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // Whoever closed first may be gone already.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
