//! One key of the server, and which bytes are no key.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind};

/// Tells keys apart, in records and in what an operator reads. Not a secret.
///
/// Derived from the key, so that no key can be given twice and a damaged one is noticed. 16 hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KeyId::LEN]);

impl KeyId {
    pub(crate) const LEN: usize = 8;

    /// What a record says that was sealed without a server key.
    pub(crate) const NONE: Self = Self([0; Self::LEN]);

    pub(crate) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = Error;

    /// Reads 16 lower-case hex digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(id) if digits && text.len() == 2 * Self::LEN => Ok(Self(id.to_be_bytes())),
            // Not the text itself: somebody may have pasted the key.
            _ => Err(Error::new(
                ErrorKind::Invalid,
                "the id of a key is 16 hex digits in lower case, as `cloakroom keys list` shows it",
            )),
        }
    }
}

/// A server key: 32 random bytes that no store sees.
#[derive(Clone)]
pub struct ServerKey {
    id: KeyId,
    bytes: Zeroizing<[u8; ServerKey::LEN]>,
}

impl ServerKey {
    /// The length of a key, in bytes.
    pub const LEN: usize = 32;

    /// A key of these bytes, which are to come from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for bytes that are evidently not random: few different ones, a pattern, a sequence, text,
    /// or a key that stands in a manual (OWASP ASVS 11.2.3; a default key is how Shiro and Airflow were taken over).
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Result<Self, Error> {
        let bytes = Zeroizing::new(bytes);
        let key = Self {
            id: id_of(&bytes),
            bytes,
        };
        match weakness(&key) {
            None => Ok(key),
            Some(weakness) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "a server key is 32 random bytes, and these {weakness}: let `cloakroom keys generate` or \
                     `openssl rand 32` draw them"
                ),
            )),
        }
    }

    /// What tells it apart from others.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.bytes
    }
}

impl PartialEq for ServerKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(&*other.bytes).into()
    }
}

impl Eq for ServerKey {}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(..)")
    }
}

fn id_of(bytes: &[u8; ServerKey::LEN]) -> KeyId {
    let hash = blake3::derive_key("cloakroom 2026-11 v1 server key id", bytes);
    let mut id = [0; KeyId::LEN];
    id.copy_from_slice(&hash[..KeyId::LEN]);
    KeyId(id)
}

/// Keys that stand in manuals, by their ids: ours, so that nobody takes it over with the example.
const DOCUMENTED: &[KeyId] = &[
    // The example of a key file in `keyring/text.rs`.
    KeyId([0xa5, 0x32, 0x3e, 0x91, 0x43, 0x25, 0xb5, 0x41]),
    // Of the program that shows others how to read a cookie, `tests/paseto/make_cookie.py`.
    KeyId([0x0b, 0xab, 0xa8, 0xfe, 0x49, 0x84, 0xd3, 0x83]),
];

/// What gives it away that nobody drew these bytes at random.
///
/// Random bytes fail these less than once in 10^13 keys: of 32, fewer than 16 are different or all are text; a period
/// or a sequence has a chance of 2^-128 and less.
fn weakness(key: &ServerKey) -> Option<&'static str> {
    let bytes = key.as_bytes();
    let distinct = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
    let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let periodic = |period: usize| bytes[period..] == bytes[..ServerKey::LEN - period];
    let step = |pair: &[u8]| pair[1].wrapping_sub(pair[0]);
    let counts = bytes.windows(2).all(|pair| step(pair) == step(bytes));
    if bytes.iter().all(text) {
        Some("are text")
    } else if (1..=ServerKey::LEN / 2).any(periodic) {
        Some("repeat themselves")
    } else if counts {
        Some("count")
    } else if distinct < 16 {
        Some("are too few different ones")
    } else if DOCUMENTED.contains(&key.id) {
        Some("stand in a manual")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ServerKey {
        /// One of a few, for tests: derived, so that nobody copies one.
        pub(crate) fn numbered(number: u8) -> Self {
            Self::from_bytes(blake3::derive_key("cloakroom test server key", &[number])).unwrap()
        }

        /// A key that may be one that is refused.
        pub(crate) fn unchecked(bytes: [u8; Self::LEN]) -> Self {
            let id = id_of(&bytes);
            let bytes = Zeroizing::new(bytes);
            Self { id, bytes }
        }
    }

    #[test]
    fn evidently_weak_keys_are_refused() {
        let check = |bytes: [u8; 32], weakness: Option<&str>| {
            let error = ServerKey::from_bytes(bytes).err().map(|error| error.to_string());
            assert_eq!(error.is_some(), weakness.is_some(), "{error:?}");
            let said = error.unwrap_or_default();
            assert!(said.contains(weakness.unwrap_or_default()), "{said}");
        };
        check([0; 32], Some("repeat"));
        check([0xff; 32], Some("repeat"));
        check(*b"correct horse battery staple 123", Some("text"));
        check(*b"0123456789abcdef0123456789abcdef", Some("text"));
        check(std::array::from_fn(|n| (n % 8) as u8 | 0x80), Some("repeat"));
        // A 16-byte key twice, of as many different bytes as could be.
        check(std::array::from_fn(|n| (n % 16) as u8 ^ 0xa3), Some("repeat"));
        // The key of PASETO's test vectors.
        check(std::array::from_fn(|n| n as u8 + 0x70), Some("count"));
        check(std::array::from_fn(|n| 0xff - n as u8), Some("count"));
        // Looks like a key, and every test that needs one has it.
        check(std::array::from_fn(|n| (n as u8).wrapping_mul(37)), Some("count"));
        check(std::array::from_fn(|n| (n as u8 / 3) ^ 0x90), Some("too few"));
        check(std::array::from_fn(|n| (n as u8).wrapping_mul(37) ^ 1), None);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = KeyId([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]);
        assert_eq!(id.to_string(), "00010203fcfdfeff");
        assert_eq!("00010203fcfdfeff".parse::<KeyId>().unwrap(), id);
        for wrong in [
            "",
            "00010203fcfdfef",
            "00010203FCFDFEFF",
            "+0010203fcfdfeff",
            "00010203fcfdfeff0",
        ] {
            assert!(wrong.parse::<KeyId>().is_err(), "{wrong}");
        }
    }
}
