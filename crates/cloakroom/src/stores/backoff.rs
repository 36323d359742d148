//! How long to wait before trying again: longer each time, and not at the same moment as everybody else.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How long a connection must have lasted for the next to be tried at once.
const LASTING: Duration = Duration::from_secs(1);

/// How long to wait at most after one that lasted less: a server that took it will take another.
const SHORT: Duration = Duration::from_millis(100);

/// Pauses that grow from a short one to a long one.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Twice as long each time.
    pub(crate) const fn between(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// Before connecting again: from a few milliseconds to a second.
    pub(crate) const fn reconnecting() -> Self {
        Self::between(Duration::from_millis(20), Duration::from_secs(1))
    }

    /// The pause after a connection that was there for so long: none after one that lasted.
    pub(crate) fn after_connection(&mut self, lasted: Duration) -> Duration {
        if lasted < LASTING {
            return self.pause().min(SHORT);
        }
        *self = Self::reconnecting();
        Duration::ZERO
    }

    /// The pause after one more failure: half of it certain, half by chance.
    pub(crate) fn pause(&mut self) -> Duration {
        let longest = self.next;
        self.next = (longest * 2).min(self.longest);
        // Keyed with randomness of the operating system, so that no two processes wait alike.
        let chance = (RandomState::new().hash_one(longest) % 1000) as u32;
        longest / 2 + longest / 2000 * chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_and_differ() {
        let mut backoff = Backoff::between(FIRST, LONGEST);
        let pauses: Vec<_> = (0..20).map(|_| backoff.pause()).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST, "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST), "{pauses:?}");
        assert!(
            pauses[10..].iter().all(|pause| *pause >= LONGEST / 2),
            "{pauses:?}"
        );
        assert!(
            pauses[10..].iter().any(|pause| *pause != pauses[10]),
            "{pauses:?}"
        );
    }

    #[test]
    fn a_connection_that_lasted_is_made_again_at_once_and_one_that_did_not_is_not() {
        let mut backoff = Backoff::reconnecting();
        let short = LASTING - Duration::from_millis(1);
        let pauses: Vec<_> = (0..20).map(|_| backoff.after_connection(short)).collect();
        assert!(
            pauses.iter().all(|pause| *pause >= FIRST / 2 && *pause <= SHORT),
            "{pauses:?}"
        );
        assert_eq!(pauses[19], SHORT);
        assert_eq!(backoff.after_connection(LASTING), Duration::ZERO);
        assert!(backoff.after_connection(short) <= FIRST);
    }
}
