//! A clock that stands until it is moved, and randomness that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_store::Timestamp;

use crate::clock::Clock;
use crate::random::Random;
use crate::{Error, ErrorKind, Sessions};

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at this moment.
    pub fn at(moment: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(moment.as_unix_millis())))
    }

    /// The moment it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }

    /// Sets it, also back.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.as_unix_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(Timestamp::from_unix_millis(1_800_000_000_000))
    }
}

impl Sessions {
    /// Reads the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        Arc::make_mut(&mut self.config).clock = Clock::Manual(Arc::clone(&clock.0));
        self
    }

    /// Takes randomness from this function, which may fail: `false` is a failure.
    #[must_use]
    pub fn randomness(mut self, fill: impl Fn(&mut [u8]) -> bool + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.config).random = Random::fake(move |bytes| {
            let failed = || Error::new(ErrorKind::Unavailable, "the test gave no randomness");
            if fill(bytes) { Ok(()) } else { Err(failed()) }
        });
        self
    }
}
