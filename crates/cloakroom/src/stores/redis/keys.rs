//! The keys: which belong to whom.
//!
//! ```text
//! {prefix}%{namespace}%s%{id}          a session, its id as 32 hexadecimal digits
//! {prefix}%{namespace}%p%{principal}   the index of a principal, on a single server
//! {prefix}%{namespace}%f%{principal}   the filings of a principal, in a cluster
//! {prefix}%{namespace}%c%{counted}%{end}  a counter: 32 hexadecimal digits, and when it is over in milliseconds
//! {{prefix}%{namespace}%m}m, o, u      marks by subject, by number, by when they are over: in one slot
//! ```
//!
//! Neither a prefix nor a namespace has a percent sign or a brace, so no key can be read in two ways, and what a
//! principal holds comes last.

use std::sync::Arc;

use cloakroom_store::{Counter, Error, ErrorKind, Id, Namespace, Principal};
use redis::Value;

/// What all keys of a store begin with.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    /// The longest prefix, in bytes.
    const MAX_PREFIX: usize = 64;

    /// Keys that begin with this prefix.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] for a prefix that could not be told from what follows.
    pub(super) fn new(prefix: &str) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'%');
        if (1..=Self::MAX_PREFIX).contains(&prefix.len()) && prefix.bytes().all(allowed) {
            return Ok(Self {
                prefix: prefix.into(),
            });
        }
        Err(Error::new(
            ErrorKind::Misconfigured,
            format!(
                "the prefix `{}` of redis keys is not 1 to {} bytes of visible ASCII without braces or a percent sign",
                prefix.escape_debug(),
                Self::MAX_PREFIX
            ),
        ))
    }

    /// The key of a session.
    pub(super) fn session(&self, namespace: &Namespace, id: &Id) -> String {
        // Not by its `Display`: this is on the way of every request.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut key = self.sessions(namespace);
        for byte in id.as_bytes() {
            key.push(char::from(DIGITS[usize::from(byte >> 4)]));
            key.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        key
    }

    /// What the keys of a namespace's sessions begin with.
    pub(super) fn sessions(&self, namespace: &Namespace) -> String {
        self.all(namespace, 's')
    }

    /// The key of a principal's index.
    pub(super) fn index(&self, namespace: &Namespace, principal: &Principal) -> String {
        self.indexes(namespace) + principal.as_str()
    }

    /// What the keys of a namespace's indexes begin with.
    pub(super) fn indexes(&self, namespace: &Namespace) -> String {
        self.all(namespace, 'p')
    }

    /// The key of what a cluster knows of a principal's sessions, which is of another kind than an index.
    pub(super) fn filings(&self, namespace: &Namespace, principal: &Principal) -> String {
        self.all(namespace, 'f') + principal.as_str()
    }

    /// The key of a counter.
    pub(super) fn counter(&self, counter: &Counter) -> String {
        let Counter {
            namespace,
            counted,
            until,
            ..
        } = counter;
        format!("{}{counted}%{}", self.all(namespace, 'c'), until.as_unix_millis())
    }

    /// The keys of a namespace's marks: by subject, by the number of their last change, by when they are over. The braces
    /// put them into one slot of a cluster.
    pub(super) fn marks(&self, namespace: &Namespace) -> [String; 3] {
        let tag = format!("{{{}%{}%m}}", self.prefix, namespace.as_str());
        ["m", "o", "u"].map(|which| tag.clone() + which)
    }

    /// The pattern that matches the keys of a namespace's sessions.
    pub(super) fn pattern(&self, namespace: &Namespace) -> String {
        let mut pattern = String::new();
        for character in self.sessions(namespace).chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('*');
        pattern
    }

    /// What all keys begin with.
    #[cfg(feature = "cached")]
    pub(super) fn prefix(&self) -> String {
        format!("{}%", self.prefix)
    }

    /// Which session a key is of, if it is one of a session.
    #[cfg(feature = "cached")]
    pub(super) fn session_of(&self, key: &[u8]) -> Option<(Namespace, Id)> {
        let rest = str::from_utf8(key)
            .ok()?
            .strip_prefix(&*self.prefix)?
            .strip_prefix('%')?;
        let (namespace, rest) = rest.split_once('%')?;
        let id = rest.strip_prefix("s%")?.parse().ok()?;
        Some((Namespace::new(namespace).ok()?, id))
    }

    /// The key of a session that never is: its namespace is empty. What may be done to it may be done to all.
    pub(super) fn nobody(&self) -> String {
        format!("{}%%s%{}", self.prefix, Id::from_bytes([0; Id::LEN]))
    }

    fn all(&self, namespace: &Namespace, kind: char) -> String {
        let mut key = String::with_capacity(self.prefix.len() + namespace.as_str().len() + 36);
        key.push_str(&self.prefix);
        key.push('%');
        key.push_str(namespace.as_str());
        key.push('%');
        key.push(kind);
        key.push('%');
        key
    }
}

/// The id that the key of a session ends with.
pub(super) fn id_of(key: &[u8]) -> Option<Id> {
    let digits: &[u8; 2 * Id::LEN] = key.last_chunk()?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The id that a server answered with: alone, or at the end of a key.
pub(super) fn id_in(answer: &Value) -> Option<Id> {
    match answer {
        Value::BulkString(text) => id_of(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_one_thing() {
        let keys = Keys::new("cloakroom").unwrap();
        let namespace = Namespace::new("app").unwrap();
        let id = Id::from_bytes([0xab; Id::LEN]);
        let key = keys.session(&namespace, &id);
        assert_eq!(key, format!("cloakroom%app%s%{}", "ab".repeat(16)));
        assert_eq!(id_of(key.as_bytes()), Some(id));
        #[cfg(feature = "cached")]
        {
            assert_eq!(keys.session_of(key.as_bytes()), Some((namespace.clone(), id)));
            let other = Keys::new("cloak").unwrap();
            assert_eq!(other.session_of(key.as_bytes()), None);
            let index = keys.indexes(&namespace);
            assert_eq!(keys.session_of(index.as_bytes()), None);
        }
        let principal = Principal::new("a%s%b").unwrap();
        assert_eq!(keys.index(&namespace, &principal), "cloakroom%app%p%a%s%b");
    }

    #[test]
    fn a_pattern_matches_what_it_says() {
        let keys = Keys::new("pre*").unwrap();
        let namespace = Namespace::new(r"a[b]?\").unwrap();
        assert_eq!(keys.pattern(&namespace), r"pre\*%a\[b\]\?\\%s%*");
    }

    #[test]
    fn a_prefix_that_could_be_misread_is_refused() {
        for wrong in ["", "a%b", "{a}", "a b", "é", &"a".repeat(65)] {
            let error = Keys::new(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{wrong:?}");
        }
    }
}
