//! The bytes of a record: what Redis keeps under the key of a session.
//!
//! ```text
//! format  revision  created  last seen  expires  lengths                     principal  label  body
//! 1       8         8        8          8        1 + 1 (there is one?) + 1   text       text   the rest
//! ```
//!
//! Numbers have the highest byte first. A principal of length zero is nobody. Everything but the texts stands at a fixed
//! place, so that a script reads a head without the body and a touch writes the times where they are.
//! `lua/record.lua` knows the same layout.

use cloakroom_store::{Entry, Error, ErrorKind, Id, Label, Principal, Record, Revision, Stored, Timestamp};

/// What the first byte says. Another format is not ours to read.
const FORMAT: u8 = 1;

const REVISION: usize = 1;
const CREATED: usize = 9;
const LAST_SEEN: usize = 17;
const EXPIRES: usize = 25;
const PRINCIPAL: usize = 33;
const HAS_LABEL: usize = 34;
const LABEL: usize = 35;
const TEXTS: usize = 36;

/// The longest that everything before the body may be.
pub(super) const LONGEST_HEAD: usize = TEXTS + Principal::MAX_LEN + Label::MAX_LEN;

/// The bytes of a record at a revision.
pub(super) fn bytes(revision: Revision, record: &Record) -> Vec<u8> {
    let principal = record.principal.as_ref().map_or("", Principal::as_str);
    let label = record.label.as_ref().map(Label::as_str);
    let has_label = u8::from(label.is_some());
    let label = label.unwrap_or_default();
    let mut bytes = Vec::with_capacity(TEXTS + principal.len() + label.len() + record.body.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&revision_bytes(revision));
    for moment in [record.created, record.last_seen, record.expires] {
        bytes.extend_from_slice(&time_bytes(moment));
    }
    bytes.extend_from_slice(&[length(principal), has_label, length(label)]);
    bytes.extend_from_slice(principal.as_bytes());
    bytes.extend_from_slice(label.as_bytes());
    bytes.extend_from_slice(&record.body);
    bytes
}

/// A revision as scripts compare it.
pub(super) fn revision_bytes(revision: Revision) -> [u8; 8] {
    revision.value().to_be_bytes()
}

/// A time as scripts compare it.
pub(super) fn time_bytes(moment: Timestamp) -> [u8; 8] {
    moment.as_unix_millis().to_be_bytes()
}

/// Reads a record.
///
/// # Errors
///
/// [`ErrorKind::NewerFormat`] or [`ErrorKind::Corrupt`] when these bytes are not one of this format.
pub(super) fn parse(bytes: &[u8]) -> Result<Stored, Error> {
    let Some((head, texts)) = bytes.split_at_checked(TEXTS) else {
        return Err(unreadable(bytes));
    };
    read(head, texts).ok_or_else(|| unreadable(bytes))
}

/// Reads the clear metadata of a record of which there may be no body.
///
/// # Errors
///
/// As [`parse`].
pub(super) fn entry(id: Id, bytes: &[u8]) -> Result<Entry, Error> {
    let stored = parse(bytes)?;
    Ok(Entry::new(id, stored.revision, &stored.record))
}

fn read(head: &[u8], texts: &[u8]) -> Option<Stored> {
    if head[0] != FORMAT {
        return None;
    }
    let (principal, rest) = texts.split_at_checked(usize::from(head[PRINCIPAL]))?;
    let (label, body) = rest.split_at_checked(usize::from(head[LABEL]))?;
    let principal = match principal {
        [] => None,
        text => Some(Principal::new(str::from_utf8(text).ok()?).ok()?),
    };
    let label = match head[HAS_LABEL] {
        0 => None,
        1 => Some(Label::new(str::from_utf8(label).ok()?)),
        _ => return None,
    };
    let moment = |at| Timestamp::from_unix_millis(number(head, at));
    let record = Record::new(moment(CREATED), moment(EXPIRES), body)
        .with_last_seen(moment(LAST_SEEN))
        .with_principal(principal)
        .with_label(label);
    Some(Stored::new(Revision::new(number(head, REVISION)), record))
}

/// Why these bytes, which are not a record, cannot be read.
pub(super) fn unreadable(bytes: &[u8]) -> Error {
    match bytes.first() {
        // Other bytes begin texts, which are not ours.
        Some(&format) if format > FORMAT && format < b' ' => newer_format(),
        _ => Error::new(
            ErrorKind::Corrupt,
            "what redis keeps there is no session of cloakroom: give it a `prefix` or a database of its own",
        ),
    }
}

/// What a record that this release cannot read is answered with.
pub(super) fn newer_format() -> Error {
    Error::new(
        ErrorKind::NewerFormat,
        "the session in redis was written by a newer release of cloakroom: upgrade this one",
    )
}

fn number(head: &[u8], at: usize) -> u64 {
    let bytes = head[at..].first_chunk().expect("the head is longer");
    u64::from_be_bytes(*bytes)
}

fn length(text: &str) -> u8 {
    u8::try_from(text.len()).expect("principals and labels have at most 255 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn what_is_written_is_read() {
        let texts = [
            None,
            Some("x".to_owned()),
            Some("é\0".to_owned()),
            Some("y".repeat(255)),
        ];
        for principal in &texts {
            for label in texts.iter().chain([&Some(String::new())]) {
                for body in [vec![], vec![0], vec![0xff; 1000]] {
                    let record = Record::new(moment(1), Timestamp::MAX, body)
                        .with_last_seen(moment(2))
                        .with_principal(principal.as_deref().map(|text| Principal::new(text).unwrap()))
                        .with_label(label.as_deref().map(Label::new));
                    let bytes = bytes(Revision::new(u64::MAX), &record);
                    let stored = Stored::new(Revision::new(u64::MAX), record);
                    assert_eq!(parse(&bytes).unwrap(), stored);
                    let head = &bytes[..bytes.len().min(LONGEST_HEAD)];
                    let id = Id::from_bytes([7; 16]);
                    let entry = entry(id, head).unwrap();
                    assert_eq!(entry, Entry::new(id, stored.revision, &stored.record));
                }
            }
        }
    }

    #[test]
    fn other_bytes_are_not_a_record() {
        let record = Record::new(moment(1), moment(2), *b"body")
            .with_principal(Principal::new("alice").ok())
            .with_label(Some(Label::new("device")));
        let whole = bytes(Revision::new(1), &record);
        for length in 0..whole.len() - 4 {
            let kind = parse(&whole[..length]).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Corrupt, "{length} bytes");
        }
        for (at, byte, kind) in [
            (0, 0, ErrorKind::Corrupt),
            (0, 2, ErrorKind::NewerFormat),
            (PRINCIPAL, 255, ErrorKind::Corrupt),
            (HAS_LABEL, 2, ErrorKind::Corrupt),
            (TEXTS, 0xff, ErrorKind::Corrupt),
        ] {
            let mut other = whole.clone();
            other[at] = byte;
            assert_eq!(parse(&other).unwrap_err().kind(), kind, "{byte} at {at}");
        }
    }
}
