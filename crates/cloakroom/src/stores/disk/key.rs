//! The keys of the tables: parts of variable length say how long they are, so that no text ends another.
//!
//! ```text
//! sessions     namespace  id
//! principals   namespace  principal  id
//! expiries     namespace  expires    id
//! marks        namespace  subject
//! changes      namespace  number
//! counters     namespace  end        counted
//! ```
//!
//! A namespace and a principal are one byte of length and their text; a time is eight bytes, the highest first, so
//! that the order of the keys is that of the times.

use std::ops::{Deref, RangeInclusive};

use cloakroom_store::{Counter, Id, Namespace, Principal, Timestamp};

/// The key of a session. It is not on the heap, because every request needs one.
pub(super) struct SessionKey {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl SessionKey {
    const LONGEST: usize = 1 + Namespace::MAX_LEN + Id::LEN;
}

impl Deref for SessionKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The key of a session.
pub(super) fn session(namespace: &Namespace, id: &Id) -> SessionKey {
    let text = namespace.as_str().as_bytes();
    let length = 1 + text.len() + Id::LEN;
    let mut bytes = [0; SessionKey::LONGEST];
    bytes[0] = length_of(text);
    bytes[1..=text.len()].copy_from_slice(text);
    bytes[1 + text.len()..length].copy_from_slice(id.as_bytes());
    SessionKey { bytes, length }
}

/// Where a session of a principal is filed.
pub(super) fn principal(namespace: &Namespace, principal: &Principal, id: &Id) -> Vec<u8> {
    with_id(of_principal(namespace, principal), id)
}

/// Where a session that expires then is filed.
pub(super) fn expiry(namespace: &Namespace, expires: Timestamp, id: &Id) -> Vec<u8> {
    with_id(at(namespace, expires), id)
}

/// All sessions of a namespace, or those after one.
pub(super) fn sessions(namespace: &Namespace, after: Option<&Id>) -> RangeInclusive<Vec<u8>> {
    after_id(text(namespace.as_str()), after)
}

/// All sessions of a principal, or those after one.
pub(super) fn principals(
    namespace: &Namespace,
    principal: &Principal,
    after: Option<&Id>,
) -> RangeInclusive<Vec<u8>> {
    after_id(of_principal(namespace, principal), after)
}

/// Everything filed as expiring before a moment. Empty, but a range, for the very first moment.
pub(super) fn expired(namespace: &Namespace, before: Timestamp) -> std::ops::Range<Vec<u8>> {
    at(namespace, Timestamp::from_unix_millis(0))..at(namespace, before)
}

/// The key of a subject's mark.
pub(super) fn mark(namespace: &Namespace, subject: &[u8]) -> Vec<u8> {
    let mut key = text(namespace.as_str());
    key.extend_from_slice(subject);
    key
}

/// All marks of a namespace, or those after the one of a subject.
pub(super) fn marks(namespace: &Namespace, after: Option<&[u8]>) -> std::ops::Range<Vec<u8>> {
    let mut start = mark(namespace, after.unwrap_or_default());
    if after.is_some() {
        start.push(0);
    }
    // The kinds of subjects are letters.
    start..mark(namespace, &[u8::MAX])
}

/// The subject that the key of a mark of this namespace ends with.
pub(super) fn subject_of<'k>(namespace: &Namespace, key: &'k [u8]) -> &'k [u8] {
    key.get(1 + namespace.as_str().len()..).unwrap_or_default()
}

/// The key of a change of a mark.
pub(super) fn change(namespace: &Namespace, number: u64) -> Vec<u8> {
    let mut key = text(namespace.as_str());
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// All changes of a namespace after one.
pub(super) fn changes(namespace: &Namespace, after: u64) -> RangeInclusive<Vec<u8>> {
    change(namespace, after.saturating_add(1))..=change(namespace, u64::MAX)
}

/// The number that the key of a change ends with.
pub(super) fn number_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The key of a counter.
pub(super) fn counter(counter: &Counter) -> Vec<u8> {
    let mut key = at(&counter.namespace, counter.until);
    key.extend_from_slice(counter.counted.as_bytes());
    key
}

/// All counters that are over before a moment: as [`expired`].
pub(super) fn counters(namespace: &Namespace, before: Timestamp) -> std::ops::Range<Vec<u8>> {
    expired(namespace, before)
}

/// The id that every key of a session ends with.
pub(super) fn id_of(key: &[u8]) -> Option<Id> {
    key.last_chunk().map(|bytes| Id::from_bytes(*bytes))
}

fn of_principal(namespace: &Namespace, principal: &Principal) -> Vec<u8> {
    let mut key = text(namespace.as_str());
    push_text(&mut key, principal.as_str());
    key
}

fn at(namespace: &Namespace, expires: Timestamp) -> Vec<u8> {
    let mut key = text(namespace.as_str());
    key.extend_from_slice(&expires.as_unix_millis().to_be_bytes());
    key
}

fn text(text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    push_text(&mut key, text);
    key
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    key.push(length_of(text.as_bytes()));
    key.extend_from_slice(text.as_bytes());
}

fn length_of(text: &[u8]) -> u8 {
    u8::try_from(text.len()).expect("namespaces and principals have at most 255 bytes")
}

fn with_id(mut key: Vec<u8>, id: &Id) -> Vec<u8> {
    key.extend_from_slice(id.as_bytes());
    key
}

/// All keys with this prefix, or those after an id. The last key is not left out: nothing follows it.
fn after_id(prefix: Vec<u8>, after: Option<&Id>) -> RangeInclusive<Vec<u8>> {
    let last = with_id(prefix.clone(), &Id::from_bytes([0xff; Id::LEN]));
    let first = match after {
        None => with_id(prefix, &Id::from_bytes([0; Id::LEN])),
        // The least key that is greater: the same with a zero behind. No key has it, for it is too long.
        Some(id) => [with_id(prefix, id), vec![0]].concat(),
    };
    first..=last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_principal_begins_another() {
        let namespace = Namespace::new("app").unwrap();
        let principals = ["a", "a\0", "a\0b", "\0", "\u{10ffff}", "aa", &"a".repeat(255)];
        for (n, one) in principals.iter().enumerate() {
            let one = Principal::new(*one).unwrap();
            let range = super::principals(&namespace, &one, None);
            for (m, other) in principals.iter().enumerate() {
                let other = Principal::new(*other).unwrap();
                for id in [[0; 16], [0xff; 16], *b"0123456789abcdef"] {
                    let key = principal(&namespace, &other, &Id::from_bytes(id));
                    assert_eq!(range.contains(&key), n == m, "{one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_range_goes_on_after_an_id() {
        let namespace = Namespace::new("app").unwrap();
        let [first, next, last] = [[0; 16], [1; 16], [0xff; 16]].map(Id::from_bytes);
        let after = sessions(&namespace, Some(&first));
        assert!(!after.contains(&session(&namespace, &first).to_vec()));
        assert!(after.contains(&session(&namespace, &next).to_vec()));
        assert!(after.contains(&session(&namespace, &last).to_vec()));
        assert!(!sessions(&namespace, Some(&last)).contains(&session(&namespace, &last).to_vec()));
    }

    #[test]
    fn the_order_of_expiries_is_that_of_the_times() {
        let namespace = Namespace::new("app").unwrap();
        let id = Id::from_bytes([7; 16]);
        let moment = Timestamp::from_unix_millis;
        let range = expired(&namespace, moment(256));
        assert!(range.contains(&expiry(&namespace, moment(255), &id)));
        assert!(!range.contains(&expiry(&namespace, moment(256), &id)));
        assert!(!range.contains(&expiry(&namespace, Timestamp::MAX, &id)));
        assert!(expired(&namespace, moment(0)).is_empty());
    }
}
