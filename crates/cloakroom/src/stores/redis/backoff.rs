//! How long to wait before connecting again: longer each time, and not at the same moment as everybody else.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Pauses that grow from a few milliseconds to a second.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_secs(1);

    /// The pause after one more failure: half of it certain, half by chance.
    pub(super) fn pause(&mut self) -> Duration {
        let longest = self.next;
        self.next = (longest * 2).min(Self::LONGEST);
        // Keyed with randomness of the operating system, so that no two processes wait alike.
        let chance = (RandomState::new().hash_one(longest) % 1000) as u32;
        longest / 2 + longest / 2000 * chance
    }

    /// Begins again: it worked.
    pub(super) fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: Self::FIRST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..20).map(|_| backoff.pause()).collect();
        assert!(pauses[0] <= Backoff::FIRST);
        assert!(
            pauses.iter().all(|pause| *pause <= Backoff::LONGEST),
            "{pauses:?}"
        );
        assert!(
            pauses[10..].iter().all(|pause| *pause >= Backoff::LONGEST / 2),
            "{pauses:?}"
        );
        backoff.reset();
        assert!(backoff.pause() <= Backoff::FIRST);
    }
}
