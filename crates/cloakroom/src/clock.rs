//! The time, which never goes back within a process.

#[cfg(any(all(test, feature = "memory"), feature = "testing"))]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back() {
        let ahead = Timestamp::from(SystemTime::now()).as_unix_millis() + 60_000;
        LATEST.fetch_max(ahead, Ordering::Relaxed);
        assert_eq!(Clock::System.now().as_unix_millis(), ahead);
    }
}
