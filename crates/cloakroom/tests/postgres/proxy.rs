//! Stands between the store and its server, and cuts connections in the middle of a reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// How many more bytes of replies go through before everything that is connected is cut.
    left: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let budget = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let budget = Arc::clone(&budget);
                tokio::spawn(async move {
                    if let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)).await {
                        carry(client, upstream, &budget).await;
                    }
                });
            }
        });
        Self { port, left }
    }

    /// Cuts the connection whose reply comes to this many bytes from now on, once.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Whether it has cut since it was told to.
    pub(crate) fn has_cut(&self) -> bool {
        self.left.load(Ordering::SeqCst) == u64::MAX
    }
}

async fn carry(mut client: TcpStream, mut upstream: TcpStream, left: &AtomicU64) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = upstream.split();
    let asking = tokio::io::copy(&mut from_client, &mut to_server);
    let answering = async {
        let mut reply = vec![0; 4096];
        loop {
            let Ok(length @ 1..) = from_server.read(&mut reply).await else {
                return;
            };
            let budget = left.load(Ordering::SeqCst);
            let through = length.min(usize::try_from(budget).unwrap_or(usize::MAX));
            if to_client.write_all(&reply[..through]).await.is_err() {
                return;
            }
            if through < length {
                left.store(u64::MAX, Ordering::SeqCst);
                return;
            }
            if budget != u64::MAX {
                left.store(budget - through as u64, Ordering::SeqCst);
            }
        }
    };
    tokio::select! {
        _ = asking => {}
        () = answering => {}
    }
}
