//! The server's keys: what a stolen store lacks.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind};

/// Tells keys apart in records: derived from the key, so that it cannot be given twice.
pub(crate) type KeyId = [u8; 8];

/// What a record says that was sealed without a server key.
pub(crate) const NO_KEY: KeyId = [0; 8];

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
    /// [`ErrorKind::Invalid`] for bytes that are evidently not random: a repeated pattern, or text
    /// (OWASP ASVS 11.2.3; a default key is how Shiro and Airflow were taken over).
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Result<Self, Error> {
        let bytes = Zeroizing::new(bytes);
        let distinct = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
        // 32 random bytes have fewer than 16 distinct ones less than once in 10^13 keys, and are all text
        // less than once in 10^13.
        let text = bytes
            .iter()
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        if distinct < 16 || text {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a server key is 32 random bytes, and these are not: take them from the operating system, \
                 for example with `openssl rand 32`",
            ));
        }
        let id = blake3::derive_key("cloakroom 2026-11 v1 server key id", &*bytes);
        let mut short = KeyId::default();
        short.copy_from_slice(&id[..NO_KEY.len()]);
        Ok(Self { id: short, bytes })
    }

    pub(crate) fn id(&self) -> KeyId {
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

/// The server's keys: one that seals, and older ones that only open.
///
/// With a key ring, writing to the store does not suffice to forge a session or to swap one for another. Taking
/// one into use ends the sessions that were stored without: nothing vouches for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    active: ServerKey,
    retiring: Vec<ServerKey>,
}

impl KeyRing {
    /// A ring of one key.
    pub fn new(active: ServerKey) -> Self {
        Self {
            active,
            retiring: Vec::new(),
        }
    }

    /// Adds a key that still opens what it sealed, and seals nothing any more.
    #[must_use]
    pub fn retiring(mut self, key: ServerKey) -> Self {
        self.retiring.push(key);
        self
    }

    pub(crate) fn active(&self) -> &ServerKey {
        &self.active
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&ServerKey> {
        std::iter::once(&self.active)
            .chain(&self.retiring)
            .find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidently_weak_keys_are_refused() {
        let check = |bytes: [u8; 32], valid: bool| assert_eq!(ServerKey::from_bytes(bytes).is_ok(), valid);
        check([0; 32], false);
        check([0xff; 32], false);
        check(*b"correct horse battery staple 123", false);
        check(std::array::from_fn(|n| (n % 8) as u8 | 0x80), false);
        check(std::array::from_fn(|n| (n as u8).wrapping_mul(37)), true);
    }
}
