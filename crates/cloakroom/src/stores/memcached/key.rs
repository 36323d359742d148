//! The keys of items: `prefix%namespace%id`, and of counters `prefix%namespace{counted and end`.
//!
//! A prefix has no percent sign, and a namespace neither that nor a brace; an id is 32 hexadecimal digits, and what is
//! counted and when it is over another 32. So nothing shares a key.

use cloakroom_store::{Counted, Counter, Error, Id, Namespace};

use super::failure::misconfigured;

/// The longest key memcached takes.
pub(super) const LONGEST: usize = 250;

/// What a key has beside its prefix, at most.
const WITHOUT_PREFIX: usize = 1 + Namespace::MAX_LEN + 1 + 2 * Id::LEN;

/// What the keys of one store begin with.
#[derive(Debug, Clone)]
pub(super) struct Prefix(String);

impl Prefix {
    /// The longest prefix that leaves room for every namespace.
    const MAX_LEN: usize = LONGEST - WITHOUT_PREFIX;

    /// # Errors
    ///
    /// When it is too long, or has what a key cannot have.
    pub(super) fn new(text: String) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
        if text.len() <= Self::MAX_LEN && text.bytes().all(allowed) {
            return Ok(Self(text));
        }
        Err(misconfigured(format!(
            "the prefix `{}` cannot begin a memcached key: expected at most {} bytes of visible ASCII without a \
             percent sign",
            text.escape_debug(),
            Self::MAX_LEN
        )))
    }

    /// The key of a session.
    pub(super) fn key(&self, namespace: &Namespace, id: &Id) -> Vec<u8> {
        // Not by its `Display`: this is on the way of every request.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut key = Vec::with_capacity(self.0.len() + namespace.as_str().len() + 2 + 2 * Id::LEN);
        for part in [&self.0, "%", namespace.as_str(), "%"] {
            key.extend_from_slice(part.as_bytes());
        }
        let mut digits = [0; 2 * Id::LEN];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(id.as_bytes()) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        key.extend_from_slice(&digits);
        key
    }

    /// The key of a counter.
    pub(super) fn counter(&self, counter: &Counter) -> Vec<u8> {
        let mut bytes = [0; Counted::LEN + 8];
        bytes[..Counted::LEN].copy_from_slice(counter.counted.as_bytes());
        bytes[Counted::LEN..].copy_from_slice(&counter.until.as_unix_millis().to_be_bytes());
        let mut key = format!("{}%{}{{", self.0, counter.namespace).into_bytes();
        key.extend(bytes.as_chunks().0.iter().flat_map(four_digits));
        key
    }
}

/// Three bytes as four digits of six bits, so that a counter needs no more room than a session.
fn four_digits(&[a, b, c]: &[u8; 3]) -> [u8; 4] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let word = u32::from_be_bytes([0, a, b, c]);
    [18, 12, 6, 0].map(|shift| DIGITS[(word >> shift) as usize & 63])
}

#[cfg(test)]
mod tests {
    use cloakroom_store::Timestamp;

    use super::*;

    #[test]
    fn the_longest_key_fits() {
        let prefix = Prefix::new("p".repeat(Prefix::MAX_LEN)).unwrap();
        let namespace = Namespace::new("n".repeat(Namespace::MAX_LEN)).unwrap();
        let key = prefix.key(&namespace, &Id::from_bytes([0xff; Id::LEN]));
        assert_eq!(key.len(), LONGEST);
        let counted = Counted::from_bytes([0xff; Counted::LEN]);
        let counter = Counter::new(namespace, counted, Timestamp::MAX);
        assert_eq!(prefix.counter(&counter).len(), LONGEST);
        assert!(Prefix::new("p".repeat(Prefix::MAX_LEN + 1)).is_err());
    }

    #[test]
    fn a_key_has_prefix_namespace_and_id() {
        let key = Prefix::new("shop".to_owned()).unwrap();
        let key = key.key(
            &Namespace::new("app").unwrap(),
            &Id::from_bytes(*b"\0\x1f456789abcdef\xff\xa0"),
        );
        assert_eq!(
            str::from_utf8(&key),
            Ok("shop%app%001f343536373839616263646566ffa0")
        );
    }

    #[test]
    fn a_counter_has_all_of_itself_in_its_key() {
        let prefix = Prefix::new("p".to_owned()).unwrap();
        let key = |counted: [u8; 16], until| {
            let until = Timestamp::from_unix_millis(until);
            let namespace = Namespace::new("n").unwrap();
            String::from_utf8(prefix.counter(&Counter::new(namespace, Counted::from_bytes(counted), until)))
                .unwrap()
        };
        assert_eq!(key([0; 16], 0), format!("p%n{{{}", "A".repeat(32)));
        assert_eq!(key([0xff; 16], 1), format!("p%n{{{}wAAAAAAAAAB", "_".repeat(21)));
    }

    #[test]
    fn a_prefix_cannot_end_a_key_or_a_command() {
        for wrong in ["a b", "a\r\n", "a\0", "é", "a%", "\u{7f}"] {
            let error = Prefix::new(wrong.to_owned()).unwrap_err();
            assert!(error.to_string().contains("visible ASCII"), "{error}");
        }
        assert!(Prefix::new(String::new()).is_ok());
    }
}
