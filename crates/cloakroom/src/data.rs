//! A session's data: keys and their values, each value JSON as it was written.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Keys and values, one after the other: the key's length (one byte), the value's length (four bytes, little
/// endian), the key, the value.
///
/// Splitting that needs no parser, so a request that reads one key of many decodes one value. What was loaded
/// is shared with the store until something changes.
#[derive(Clone)]
pub(crate) enum Data {
    Shared(Arc<[u8]>, Range<usize>),
    Owned(Vec<u8>),
}

impl Data {
    /// Reads what [`Self::as_bytes`] gave; `None` when it is damaged.
    pub(crate) fn parse(bytes: Arc<[u8]>, range: Range<usize>) -> Option<Self> {
        let mut rest = bytes.get(range.clone())?;
        while !rest.is_empty() {
            let (entry, after) = Entry::split(rest)?;
            // Nearly all are ASCII, which is known sooner.
            if !entry.key.is_ascii() {
                std::str::from_utf8(entry.key).ok()?;
            }
            rest = after;
        }
        Some(Self::Shared(bytes, range))
    }

    /// Appends an entry to `bytes`, which [`Self::from_pushed`] takes; `None` when the key or value is too long.
    pub(crate) fn push(bytes: &mut Vec<u8>, key: &str, value: &[u8]) -> Option<()> {
        bytes.push(u8::try_from(key.len()).ok()?);
        bytes.extend_from_slice(&u32::try_from(value.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(value);
        Some(())
    }

    /// Data of entries that were pushed. Of two with one key the first counts, until the key is set or removed.
    pub(crate) fn from_pushed(bytes: Vec<u8>) -> Self {
        let length = bytes.len();
        Self::Shared(bytes.into(), 0..length)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Shared(bytes, range) => &bytes[range.clone()],
            Self::Owned(bytes) => bytes,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        self.entry(key).map(|entry| entry.value)
    }

    /// The value of a key, to be decoded without a lock: shared where it can be.
    pub(crate) fn value(&self, key: &str) -> Option<Value> {
        let value = self.get(key)?;
        Some(match self {
            Self::Shared(bytes, range) => {
                let from = value.as_ptr().addr() - bytes[range.clone()].as_ptr().addr() + range.start;
                Value::Shared(Arc::clone(bytes), from..from + value.len())
            }
            Self::Owned(_) => Value::Owned(value.to_vec()),
        })
    }

    /// How long it would be with this key set to a value of this length.
    pub(crate) fn len_with(&self, key: &str, value: usize) -> usize {
        let replaced = self.entry(key).map_or(0, |entry| entry.whole.len());
        self.as_bytes().len() - replaced + Entry::OVERHEAD + key.len() + value
    }

    /// The keys and their values, in no promised order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries()
            .filter_map(|entry| Some((std::str::from_utf8(entry.key).ok()?, entry.value)))
    }

    pub(crate) fn set(&mut self, key: &str, value: &[u8]) {
        // An equal value keeps its place: what has not changed is not written (design section 3, invariant 6).
        if self.get(key) == Some(value) {
            return;
        }
        let mut bytes = self.without(key, Entry::OVERHEAD + key.len() + value.len());
        bytes.push(key.len() as u8);
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(value);
        *self = Self::Owned(bytes);
    }

    pub(crate) fn remove(&mut self, key: &str) {
        *self = Self::Owned(self.without(key, 0));
    }

    /// All entries but one, with room for so many bytes more.
    fn without(&self, key: &str, room: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.as_bytes().len() + room);
        for entry in self.entries().filter(|entry| entry.key != key.as_bytes()) {
            bytes.extend_from_slice(entry.whole);
        }
        bytes
    }

    fn entry(&self, key: &str) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.key == key.as_bytes())
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = self.as_bytes();
        std::iter::from_fn(move || {
            let (entry, after) = Entry::split(rest)?;
            rest = after;
            Some(entry)
        })
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

impl fmt::Debug for Data {
    /// Says how long it is, never what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.as_bytes().len())
    }
}

/// The JSON of one value.
pub(crate) enum Value {
    Shared(Arc<[u8]>, Range<usize>),
    Owned(Vec<u8>),
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes, range) => &bytes[range.clone()],
            Self::Owned(bytes) => bytes,
        }
    }
}

struct Entry<'a> {
    key: &'a [u8],
    value: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Entry<'a> {
    const OVERHEAD: usize = 5;

    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let ([key, value @ ..], rest) = bytes.split_first_chunk::<{ Entry::OVERHEAD }>()?;
        let (key, value) = (usize::from(*key), u32::from_le_bytes(*value) as usize);
        let (both, after) = rest.split_at_checked(key.checked_add(value)?)?;
        let (key, value) = both.split_at(key);
        let whole = &bytes[..bytes.len() - after.len()];
        Some((Self { key, value, whole }, after))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::{option, prelude::*};

    use super::*;

    fn parse(bytes: &[u8]) -> Option<Data> {
        Data::parse(bytes.into(), 0..bytes.len())
    }

    proptest! {
        #[test]
        fn it_is_a_map(steps in vec(("[a-c]{0,2}", option::of("[0-9]{0,3}")), 0..30)) {
            let (mut data, mut model) = (Data::default(), BTreeMap::new());
            for (key, value) in steps {
                match value {
                    Some(value) => {
                        let length = data.len_with(&key, value.len());
                        data.set(&key, value.as_bytes());
                        prop_assert_eq!(data.as_bytes().len(), length);
                        model.insert(key, value);
                    }
                    None => {
                        data.remove(&key);
                        model.remove(&key);
                    }
                }
                // Half of the time as it is written, half as it is read.
                if model.len() % 2 == 0 {
                    let padded: Arc<[u8]> = [b"before", data.as_bytes()].concat().into();
                    let length = padded.len();
                    data = Data::parse(padded, 6..length).expect("what was written reads back");
                }
                let read: BTreeMap<_, _> = data.iter().collect();
                let expected: BTreeMap<_, _> = model.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
                prop_assert_eq!(read, expected);
                for (key, value) in &model {
                    prop_assert_eq!(data.get(key), Some(value.as_bytes()));
                    let taken = data.value(key);
                    prop_assert_eq!(taken.as_deref(), Some(value.as_bytes()));
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in vec(0..4u8, 0..40)) {
            if let Some(mut data) = parse(&bytes) {
                data.set("k", b"1");
                prop_assert!(parse(data.as_bytes()).is_some());
            }
        }
    }

    #[test]
    fn debug_shows_no_data() {
        let mut data = Data::default();
        data.set("key", b"\"canary\"");
        assert_eq!(format!("{data:?}"), "Data(16 bytes)");
    }

    #[test]
    fn the_last_value_of_a_key_is_the_value() {
        let mut data = Data::default();
        data.set("a", b"1");
        data.set("b", b"2");
        data.set("a", b"3");
        data.set("c", b"4");
        data.remove("b");
        data.remove("never there");
        let data = parse(data.as_bytes()).expect("what was written reads back");
        assert_eq!(data.get("a"), Some(&b"3"[..]));
        assert_eq!(data.get("b"), None);
        assert_eq!(data.iter().count(), 2);
    }

    #[test]
    fn an_equal_value_changes_nothing() {
        let mut data = Data::default();
        data.set("a", b"1");
        data.set("b", b"2");
        let before = data.as_bytes().to_vec();
        data.set("a", b"1");
        data.remove("never there");
        assert_eq!(data.as_bytes(), before);
    }

    #[test]
    fn damaged_bytes_are_no_data() {
        assert!(parse(b"").is_some());
        assert!(parse(b"\x01\x01\0\0\0kv").is_some());
        for damaged in [
            &b"\x01"[..],
            b"\x01\x01\0\0\0k",
            b"\x01\xff\xff\xff\xffkv",
            b"\x01\0\0\0\0\xff",
            b"\x01\x01\0\0\0kvx",
        ] {
            assert!(parse(damaged).is_none(), "{damaged:?}");
        }
    }
}
