//! The latest writes of a record by their tags: how a writer whose answer was lost finds out.

use std::time::Duration;

use cloakroom_store::Timestamp;

/// Names one attempt to write: eight random bytes.
pub(crate) type Tag = [u8; 8];

/// The tag of the record's last write, and those of the writes shortly before it.
///
/// A writer that lost the answer loads the record and looks for its tag. With only the last tag, a neighbour's
/// write in between would hide its own, and it would apply its changes twice. So tags stay for as long as a
/// writer may take to look. A session that is not written to concurrently carries none but the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    last: Tag,
    /// Earlier tags, oldest first: each eight bytes and the Unix second it was replaced in, little endian.
    earlier: Vec<u8>,
}

impl Recent {
    /// The most earlier tags that are kept. Past it the oldest go: a lost answer about one of those may be
    /// settled wrongly, which takes this many writes of one session while a single one is being settled.
    pub(crate) const MAX: usize = 128;
    pub(crate) const ENTRY: usize = size_of::<Tag>() + 4;

    pub(crate) fn new(last: Tag, earlier: &[u8]) -> Self {
        Self {
            last,
            earlier: earlier.to_vec(),
        }
    }

    pub(crate) fn last(&self) -> Tag {
        self.last
    }

    pub(crate) fn earlier(&self) -> &[u8] {
        &self.earlier
    }

    pub(crate) fn contains(&self, tag: Tag) -> bool {
        self.last == tag
            || self
                .earlier
                .chunks_exact(Self::ENTRY)
                .any(|entry| entry.starts_with(&tag))
    }

    /// These writes and one more, without those that nobody can still be waiting for.
    ///
    /// `last_seen` is no earlier than the last write; `window` is how long a writer may take to look.
    pub(crate) fn followed_by(
        &self,
        tag: Tag,
        last_seen: Timestamp,
        now: Timestamp,
        window: Duration,
    ) -> Self {
        let seconds = |moment: Timestamp| (moment.as_unix_millis() / 1000) as u32;
        let oldest = seconds(now.saturating_sub(window));
        let is_old = |entry: &[u8]| {
            let replaced = entry
                .last_chunk()
                .map_or(0, |seconds| u32::from_le_bytes(*seconds));
            replaced < oldest
        };
        let old = self
            .earlier
            .chunks_exact(Self::ENTRY)
            .take_while(|entry| is_old(entry))
            .count();
        let too_many = (self.earlier.len() / Self::ENTRY).saturating_sub(Self::MAX - 1);
        let kept = &self.earlier[old.max(too_many) * Self::ENTRY..];
        let last_counts = seconds(last_seen) >= oldest;
        let mut earlier = Vec::with_capacity(kept.len() + if last_counts { Self::ENTRY } else { 0 });
        earlier.extend_from_slice(kept);
        if last_counts {
            earlier.extend_from_slice(&self.last);
            earlier.extend_from_slice(&seconds(now).to_le_bytes());
        }
        Self { last: tag, earlier }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    proptest! {
        #[test]
        fn who_looks_in_time_finds_his_tag(pauses in proptest::collection::vec(0..15_000u64, 1..100)) {
            // Each write happens so many milliseconds after the one before it.
            let mut now = at(1_000_000);
            let mut recent = Recent::new([0; 8], &[]);
            let mut written = vec![([0; 8], now)];
            for (n, pause) in (1..).zip(pauses) {
                let before = now;
                now = now.saturating_add(Duration::from_millis(pause));
                recent = recent.followed_by([n; 8], before, now, WINDOW);
                written.push(([n; 8], now));
                for (tag, moment) in &written {
                    prop_assert!(recent.contains(*tag) || now.since(*moment) > WINDOW);
                }
            }
        }
    }

    #[test]
    fn tags_are_kept_for_as_long_as_somebody_may_ask() {
        let first = Recent::new([1; 8], &[]);
        let second = first.followed_by([2; 8], at(100), at(101), WINDOW);
        assert!(second.contains([1; 8]) && second.contains([2; 8]) && !second.contains([3; 8]));
        let third = second.followed_by([3; 8], at(101), at(105), WINDOW);
        assert!(third.contains([1; 8]) && third.contains([2; 8]) && third.contains([3; 8]));
        let fourth = third.followed_by([4; 8], at(105), at(112), WINDOW);
        assert!(!fourth.contains([1; 8]) && fourth.contains([2; 8]) && fourth.contains([3; 8]));
        let quiet = fourth.followed_by([5; 8], at(112), at(1000), WINDOW);
        assert_eq!(quiet, Recent::new([5; 8], &[]));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut recent = Recent::default();
        for n in 0..=255 {
            recent = recent.followed_by([n; 8], at(100), at(100), WINDOW);
        }
        assert_eq!(recent.earlier.len(), Recent::MAX * Recent::ENTRY);
        assert!(recent.contains([255; 8]) && recent.contains([127; 8]) && !recent.contains([126; 8]));
    }
}
