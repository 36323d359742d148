//! The shop on a port of its own, for tests that look at it from outside.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod chromium;
pub(crate) mod visitor;

use std::time::Duration;

use cloakroom_server::demo::{Config, Demo};
use cloakroom_server::listen::{self, Address};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use visitor::Visitor;

/// An open shop.
pub(crate) struct Shop {
    pub(crate) port: u16,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
}

impl Shop {
    /// A shop that keeps everything in memory, on any free port.
    pub(crate) async fn in_memory() -> Self {
        Self::open(&Config::store("memory:", ""), 0).await
    }

    pub(crate) async fn open(config: &Config, port: u16) -> Self {
        let demo = Demo::open(config).await.expect("the shop opens");
        let listeners = listen::bind(Address::Localhost, port)
            .await
            .expect("the port is free");
        let port = listeners.port().expect("it has a port");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let running = tokio::spawn(demo.run(listeners, stopped));
        Self { port, stop, running }
    }

    /// Closes the shop; everything it has answered is kept by then.
    pub(crate) async fn close(self) {
        self.stop.send(()).expect("it is running");
        let closed = timeout(Duration::from_secs(20), self.running).await;
        closed
            .expect("it stops in time")
            .expect("it does not panic")
            .expect("it does not fail");
    }

    /// Somebody with an empty cookie jar.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::new(self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}
