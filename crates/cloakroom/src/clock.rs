//! The time, which never goes back within a process.

#[cfg(any(all(test, feature = "memory"), feature = "testing"))]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cloakroom_store::Timestamp;
use tokio::time::Instant;

/// Tells the time: the system's, or what a test says it is.
#[derive(Debug, Clone, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    #[cfg(any(all(test, feature = "memory"), feature = "testing"))]
    Manual(Arc<AtomicU64>),
}

/// The latest time this process has told. A clock that is set back must not revive what has expired
/// (design section 3, invariant 7), so it stands still until the time has caught up.
static LATEST: AtomicU64 = AtomicU64::new(0);

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let now = Timestamp::from(SystemTime::now()).as_unix_millis();
                // Nearly every call falls into a millisecond that was told before: look before writing.
                let latest = LATEST.load(Ordering::Relaxed);
                let latest = if now > latest {
                    LATEST.fetch_max(now, Ordering::Relaxed)
                } else {
                    latest
                };
                Timestamp::from_unix_millis(now.max(latest))
            }
            #[cfg(any(all(test, feature = "memory"), feature = "testing"))]
            Self::Manual(millis) => Timestamp::from_unix_millis(millis.load(Ordering::SeqCst)),
        }
    }
}

/// Now, for measuring how long something takes. Not a moment that means anything to another process.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// A moment by both clocks of a machine, to ask later how much time has passed since.
///
/// The clock that measures cannot be set, and on Linux it stands while the machine is suspended. The one that tells the
/// time goes on meanwhile, and can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) measured: Instant,
    pub(crate) told: Timestamp,
}

impl Reading {
    /// How much time has passed, for whoever must not take something for younger than it is: the longer of what the
    /// two clocks say. A clock that was set makes it too long, or leaves it to the other one.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let measured = self.measured.saturating_duration_since(earlier.measured);
        measured.max(self.told.since(earlier.told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_time_has_passed() {
        let epoch = instant();
        let at = |(measured, told): (u64, u64)| Reading {
            measured: epoch + Duration::from_secs(measured),
            told: Timestamp::from_unix_millis(told * 1000),
        };
        let check = |earlier, later, passed: u64| {
            assert_eq!(at(later).since(at(earlier)), Duration::from_secs(passed));
        };
        check((10, 10), (10, 10), 0);
        check((10, 10), (13, 13), 3);
        // The machine was suspended for an hour, or the clock set forward.
        check((10, 10), (13, 3613), 3603);
        // The clock was set back, or told nothing while it caught up.
        check((10, 3610), (13, 10), 3);
        check((10, 10), (13, 10), 3);
        // Suspended, and set back by less than that.
        check((10, 10), (13, 1813), 1803);
        // Somebody else has looked meanwhile.
        check((13, 13), (10, 10), 0);
    }

    #[test]
    fn time_does_not_go_back() {
        let ahead = Timestamp::from(SystemTime::now()).as_unix_millis() + 60_000;
        LATEST.fetch_max(ahead, Ordering::Relaxed);
        assert_eq!(Clock::System.now().as_unix_millis(), ahead);
    }
}
