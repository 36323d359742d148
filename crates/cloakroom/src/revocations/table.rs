//! A table of marks, packed: a million of them are less than 64 MB, whatever room a table keeps to grow.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use cloakroom_store::{Id, Timestamp};

/// A table of marks: 26 bytes each, in many small parts, so that one which grows or is looked through keeps no
/// request waiting for long.
pub(super) struct Table {
    parts: [RwLock<Part>; Table::PARTS],
}

type Part = HashMap<Name, Packed, BuildHasherDefault<AsItIs>>;

impl Table {
    pub(super) const PARTS: usize = 256;

    pub(super) fn moment(&self, name: &Name) -> Option<Timestamp> {
        let part = self.part(name).read().unwrap_or_else(PoisonError::into_inner);
        part.get(name).map(|packed| packed.moment())
    }

    /// Moves a mark forward, both its moments; or sets it.
    pub(super) fn raise(&self, name: Name, moment: Timestamp, until: Timestamp) {
        let mut part = self.part(&name).write().unwrap_or_else(PoisonError::into_inner);
        let raised = Packed::new(moment, until);
        part.entry(name)
            .and_modify(|packed| *packed = packed.later(raised))
            .or_insert(raised);
    }

    /// Forgets what may be forgotten by now in one of the parts.
    pub(super) fn forget(&self, part: usize, now: Timestamp) {
        let mut part = self.parts[part % Self::PARTS]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        part.retain(|_, packed| now < packed.until());
        if part.len() < part.capacity() / 4 {
            part.shrink_to_fit();
        }
    }

    pub(super) fn len(&self) -> usize {
        let len = |part: &RwLock<Part>| part.read().unwrap_or_else(PoisonError::into_inner).len();
        self.parts.iter().map(len).sum()
    }

    fn part(&self, name: &Name) -> &RwLock<Part> {
        &self.parts[usize::from(name.0[0])]
    }
}

impl Default for Table {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| RwLock::default()),
        }
    }
}

/// What a mark is about: 16 random bytes, of which every few are as good as a hash.
#[derive(PartialEq, Eq)]
pub(super) struct Name([u8; 16]);

impl Name {
    pub(super) fn of(id: Id) -> Self {
        Self(*id.as_bytes())
    }

    pub(super) fn from_halves(first: u64, second: u64) -> Self {
        Self((u128::from(first) << 64 | u128::from(second)).to_ne_bytes())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Not of the byte that chooses the part.
        let [.., a, b, c, d, e, f, g, h] = self.0;
        state.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// Takes a number that is random already for its hash.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The two moments of a mark, in bytes, so that nothing is lost between entries.
#[derive(Clone, Copy)]
struct Packed {
    /// Milliseconds, until the year 10889. The last one stands for the end of time.
    moment: [u8; 6],
    /// Seconds, until the year 2106, rounded up. The last one is never over.
    until: [u8; 4],
}

impl Packed {
    const END: u64 = (1 << 48) - 1;

    fn new(moment: Timestamp, until: Timestamp) -> Self {
        let [.., a, b, c, d, e, f] = moment.as_unix_millis().min(Self::END).to_be_bytes();
        let seconds = until.as_unix_millis().div_ceil(1000);
        Self {
            moment: [a, b, c, d, e, f],
            until: u32::try_from(seconds).unwrap_or(u32::MAX).to_be_bytes(),
        }
    }

    fn moment(self) -> Timestamp {
        let [a, b, c, d, e, f] = self.moment;
        match u64::from_be_bytes([0, 0, a, b, c, d, e, f]) {
            Self::END => Timestamp::MAX,
            millis => Timestamp::from_unix_millis(millis),
        }
    }

    fn until(self) -> Timestamp {
        match u32::from_be_bytes(self.until) {
            u32::MAX => Timestamp::MAX,
            seconds => Timestamp::from_unix_millis(u64::from(seconds) * 1000),
        }
    }

    fn later(self, other: Self) -> Self {
        // Big endian, so bytes compare as the numbers do.
        Self {
            moment: self.moment.max(other.moment),
            until: self.until.max(other.until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_takes_26_bytes() {
        assert_eq!(size_of::<(Name, Packed)>(), 26);
    }

    #[test]
    fn a_million_marks_are_less_than_64_megabytes() {
        let (table, until) = (Table::default(), Timestamp::from_unix_millis(9_000_000));
        for number in 0..1_000_000_u64 {
            // Spread as random ids are.
            let first = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be();
            let name = Name::from_halves(first, number.wrapping_mul(0xd1b5_4a32_d192_ed03));
            table.raise(name, Timestamp::MAX, until);
        }
        assert_eq!(table.len(), 1_000_000);
        let room = |part: &RwLock<Part>| {
            // Of every eight places of a table one is kept free, and each has one byte beside what is in it.
            let places = part.read().unwrap().capacity() / 7 * 8;
            places * (size_of::<(Name, Packed)>() + 1)
        };
        let bytes: usize = table.parts.iter().map(room).sum();
        assert!(bytes > 27 * 1_000_000, "{bytes} are too few to be counted right");
        assert!(bytes <= 64_000_000, "{bytes}");
    }

    #[test]
    fn moments_survive_packing() {
        let check = |millis: u64, until: u64, expected: (u64, u64)| {
            let packed = Packed::new(
                Timestamp::from_unix_millis(millis),
                Timestamp::from_unix_millis(until),
            );
            let unpacked = (packed.moment().as_unix_millis(), packed.until().as_unix_millis());
            assert_eq!(unpacked, expected);
        };
        let end = Timestamp::MAX.as_unix_millis();
        check(0, 0, (0, 0));
        check(
            1_800_000_000_123,
            1_800_000_000_123,
            (1_800_000_000_123, 1_800_000_001_000),
        );
        check((1 << 48) - 2, 1000, ((1 << 48) - 2, 1000));
        check((1 << 48) - 1, u64::MAX, (end, end));
        check(end, (1 << 32) * 1000, (end, end));
    }
}
