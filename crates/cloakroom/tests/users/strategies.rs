//! Runs a test under each strategy.

use std::time::Duration;

use cloakroom::stores::Memory;
use cloakroom::testing::ManualClock;
use cloakroom::{KeyRing, Revocations, ServerKey, Sessions};

/// Runs a test on stored, sealed and hybrid sessions, each by a clock of its own.
pub(crate) async fn on_every_strategy(test: impl AsyncFn(Sessions, ManualClock)) {
    in_memory(&test).await;
    #[cfg(feature = "disk")]
    {
        let _named = Named("stored on disk");
        let directory = tempfile::TempDir::new().unwrap();
        let disk = cloakroom::stores::Disk::open(directory.path()).await.unwrap();
        let clock = ManualClock::default();
        test(Sessions::new(disk).clock(&clock), clock).await;
    }
}

/// The same, but for stores that answer from another thread: paused time does not wait for them.
pub(crate) async fn in_memory(test: impl AsyncFn(Sessions, ManualClock)) {
    let hybrid = Sessions::new(Memory::default()).snapshots(keys(), Duration::from_secs(10));
    for (name, sessions) in [
        ("stored", Sessions::new(Memory::default())),
        ("sealed", sealed()),
        ("hybrid", hybrid),
    ] {
        let _named = Named(name);
        let clock = ManualClock::default();
        test(sessions.clock(&clock), clock).await;
    }
}

/// Sessions in their cookies.
pub(crate) fn sealed() -> Sessions {
    Sessions::sealed(keys(), Revocations::danger_in_memory(Memory::default()))
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::new(ServerKey::generate().unwrap())
}

/// Names what a test runs on when it fails there.
pub(crate) struct Named(pub(crate) &'static str);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was on: {}", self.0);
        }
    }
}
