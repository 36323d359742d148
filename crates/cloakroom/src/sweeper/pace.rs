//! How many records one call removes: fewer where that takes long, so that requests wait less and it is answered in
//! time.
//!
//! A store that has to fetch each row from a cold disk takes a hundred times as long for a batch as it does once it has
//! read them. Told to remove the same batch again, it would fail again.

use std::num::NonZeroUsize;
use std::time::Duration;

/// What a batch may take before the next one is smaller.
const LONG: Duration = Duration::from_millis(200);

/// What a batch must not take if the next one is to be larger.
const SHORT: Duration = Duration::from_millis(50);

/// How many times in a row a smaller batch is tried after one that failed.
const TRIES: u32 = 2;

/// The size of the next batch.
#[derive(Debug)]
pub(super) struct Pace {
    most: NonZeroUsize,
    next: NonZeroUsize,
    failed: u32,
}

impl Pace {
    /// Begins with the largest.
    pub(super) fn new(most: NonZeroUsize) -> Self {
        Self {
            most,
            next: most,
            failed: 0,
        }
    }

    /// How many the next call removes at most.
    pub(super) fn next(&self) -> NonZeroUsize {
        self.next
    }

    /// A batch was removed, in this time.
    pub(super) fn removed_in(&mut self, took: Duration) {
        self.failed = 0;
        if took > LONG {
            self.shrink(2);
        } else if took < SHORT {
            self.next = self.most.min(self.next.saturating_mul(TWO));
        }
    }

    /// A batch was not removed. Whether it is worth while to try a smaller one now.
    pub(super) fn failed(&mut self) -> bool {
        self.failed += 1;
        let is_smallest = self.next == NonZeroUsize::MIN;
        self.shrink(8);
        !is_smallest && self.failed <= TRIES
    }

    fn shrink(&mut self, by: usize) {
        self.next = NonZeroUsize::new(self.next.get() / by).unwrap_or(NonZeroUsize::MIN);
    }
}

const TWO: NonZeroUsize = NonZeroUsize::new(2).expect("2 is not zero");

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(most: usize) -> Pace {
        Pace::new(NonZeroUsize::new(most).unwrap())
    }

    #[test]
    fn a_batch_gets_smaller_while_it_takes_long_and_grows_back() {
        let mut pace = pace(1000);
        let after = |pace: &mut Pace, took| {
            pace.removed_in(Duration::from_millis(took));
            pace.next().get()
        };
        let sizes = [201, 201, 200, 50, 49, 49, 0].map(|took| after(&mut pace, took));
        assert_eq!(sizes, [500, 250, 250, 250, 500, 1000, 1000]);
        for _ in 0..64 {
            after(&mut pace, 10_000);
        }
        assert_eq!(pace.next().get(), 1);
        for _ in 0..64 {
            after(&mut pace, 1);
        }
        assert_eq!(pace.next().get(), 1000);
    }

    #[test]
    fn a_batch_that_failed_is_tried_smaller_and_not_for_ever() {
        let mut pace = pace(1000);
        assert!(pace.failed());
        assert_eq!(pace.next().get(), 125);
        assert!(pace.failed());
        assert_eq!(pace.next().get(), 15);
        assert!(!pace.failed());
        assert_eq!(pace.next().get(), 1);
        // One that was removed begins the count anew.
        pace.removed_in(Duration::from_millis(1));
        assert_eq!(pace.next().get(), 2);
        assert!(pace.failed());
        assert_eq!(pace.next().get(), 1);
        // There is none that is smaller.
        assert!(!pace.failed());
    }
}
