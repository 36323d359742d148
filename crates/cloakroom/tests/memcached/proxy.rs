//! Between the store and its server: counts what is sent, and cuts what is answered.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;

/// A way to a server that can be cut. Its threads end with the process.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: SocketAddr,
    /// How often something came from the client: as often as it wrote, or less.
    writes: AtomicU64,
    /// How many more bytes of answers come through before the connection is cut; not positive: no end.
    left: AtomicI64,
}

impl Proxy {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            server,
            writes: AtomicU64::new(0),
            left: AtomicI64::new(0),
        });
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let _ = accepting.connect(client.unwrap());
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("memcache://{}?connections=1", self.address)
    }

    pub(crate) fn writes(&self) -> u64 {
        self.state.writes.load(Ordering::SeqCst)
    }

    /// Cuts the connection when so many more bytes of answers have come through.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }
}

impl State {
    fn connect(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect(self.server)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        let (state, from, to) = (Arc::clone(self), client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            pass(&from, &to, |_| {
                state.writes.fetch_add(1, Ordering::SeqCst);
                None
            });
        });
        let state = Arc::clone(self);
        thread::spawn(move || pass(&server, &client, |length| state.cut(length)));
        Ok(())
    }

    /// How much of so many bytes comes through, when that is where the connection ends.
    fn cut(&self, length: usize) -> Option<usize> {
        let left = self.left.load(Ordering::SeqCst);
        if left <= 0 {
            return None;
        }
        let after = left - length as i64;
        self.left.store(after.max(0), Ordering::SeqCst);
        (after <= 0).then_some(left as usize)
    }
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, mut cut: impl FnMut(usize) -> Option<usize>) {
    let mut piece = [0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let cut = cut(length);
        if to.write_all(&piece[..cut.unwrap_or(length)]).is_err() || cut.is_some() {
            break;
        }
    }
    // What is still under way either way is lost.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
