//! Whom a mark is about, as a key of bytes: what all stores of marks share.

use cloakroom_store::{Error, ErrorKind, Id, Principal, Subject};

/// The key of a subject. The first byte says which kind it is, so no two kinds share a key.
pub(crate) fn key(subject: &Subject) -> Vec<u8> {
    match subject {
        Subject::Session(id) => [b"s", &id.as_bytes()[..]].concat(),
        Subject::Principal(principal) => of_principal(principal),
        Subject::Everyone => EVERYONE.to_vec(),
    }
}

/// The key of everyone.
pub(crate) const EVERYONE: &[u8] = b"e";

/// The key of a principal.
pub(crate) fn of_principal(principal: &Principal) -> Vec<u8> {
    [b"p", principal.as_str().as_bytes()].concat()
}

/// Reads the key of a subject.
///
/// # Errors
///
/// [`ErrorKind::Corrupt`] for one that was not written by us.
pub(crate) fn parse(key: &[u8]) -> Result<Subject, Error> {
    let subject = match key.split_first() {
        Some((b's', id)) => id.try_into().ok().map(|id| Subject::Session(Id::from_bytes(id))),
        Some((b'p', text)) => str::from_utf8(text)
            .ok()
            .and_then(|text| Principal::new(text).ok())
            .map(Subject::Principal),
        _ if key == EVERYONE => Some(Subject::Everyone),
        _ => None,
    };
    subject.ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            "a mark is about nobody that it could be about",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_was_written() {
        for subject in [
            Subject::Session(Id::from_bytes([0; 16])),
            Subject::Principal(Principal::new("e").unwrap()),
            Subject::Principal(Principal::new("s\0é").unwrap()),
            Subject::Everyone,
        ] {
            assert_eq!(parse(&key(&subject)).unwrap(), subject);
        }
        for wrong in [&b""[..], b"s", b"p", b"ee", b"x", b"s123", b"p\xff"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
