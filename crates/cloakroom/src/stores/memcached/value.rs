//! The bytes of an item: what a session's record looks like in memcached.
//!
//! ```text
//! format  created  last seen  expires  principal   label       body
//! 1       8        8          8        1 + text    1 + 1 + text  the rest
//! ```
//!
//! Numbers have the highest byte first. A principal of length zero is nobody. A label begins with whether there is
//! one. The revision is not in it: that is the item's own `cas`.

use cloakroom_store::{Label, Principal, Record, Timestamp};

/// What the first byte of an item says.
const FORMAT: u8 = 1;

/// The longest header: what a body shares an item with.
pub(super) const LONGEST_HEADER: usize = 1 + 3 * 8 + 1 + Principal::MAX_LEN + 2 + Label::MAX_LEN;

/// Why bytes are no record of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A later format.
    Newer,
    /// Cut, damaged, or somebody else's.
    Foreign,
}

/// The bytes of a record.
pub(super) fn bytes(record: &Record) -> Vec<u8> {
    let principal = record.principal.as_ref().map_or("", Principal::as_str);
    let label = record.label.as_ref().map(Label::as_str);
    let texts = principal.len() + label.map_or(0, str::len) + 3;
    let mut bytes = Vec::with_capacity(25 + texts + record.body.len());
    bytes.push(FORMAT);
    for moment in [record.created, record.last_seen, record.expires] {
        bytes.extend_from_slice(&moment.as_unix_millis().to_be_bytes());
    }
    push_text(&mut bytes, principal);
    bytes.push(u8::from(label.is_some()));
    if let Some(label) = label {
        push_text(&mut bytes, label);
    }
    bytes.extend_from_slice(&record.body);
    bytes
}

/// Reads the bytes of a record.
pub(super) fn parse(bytes: &[u8]) -> Result<Record, Unreadable> {
    match bytes.first() {
        Some(&FORMAT) => whole(&bytes[1..]).ok_or(Unreadable::Foreign),
        // No text begins with one of these: it is a number, and a later one.
        Some(2..=8) => Err(Unreadable::Newer),
        _ => Err(Unreadable::Foreign),
    }
}

fn whole(bytes: &[u8]) -> Option<Record> {
    let (created, rest) = split_moment(bytes)?;
    let (last_seen, rest) = split_moment(rest)?;
    let (expires, rest) = split_moment(rest)?;
    let (principal, rest) = split_text(rest)?;
    let principal = match principal {
        "" => None,
        text => Some(Principal::new(text).ok()?),
    };
    let (label, body) = match rest.split_first()? {
        (0, body) => (None, body),
        (1, rest) => split_text(rest).map(|(label, body)| (Some(Label::new(label)), body))?,
        _ => return None,
    };
    Some(
        Record::new(created, expires, body)
            .with_last_seen(last_seen)
            .with_principal(principal)
            .with_label(label),
    )
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("principals and labels have at most 255 bytes"));
    bytes.extend_from_slice(text.as_bytes());
}

fn split_moment(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((Timestamp::from_unix_millis(u64::from_be_bytes(*number)), rest))
}

fn split_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let text = || proptest::option::of("\\PC{1,60}");
        let moments = (any::<u64>(), any::<u64>(), any::<u64>());
        let body = proptest::collection::vec(any::<u8>(), 0..200);
        (moments, text(), text(), body).prop_map(|((created, seen, expires), principal, label, body)| {
            let moment = Timestamp::from_unix_millis;
            Record::new(moment(created), moment(expires), body)
                .with_last_seen(moment(seen))
                .with_principal(principal.map(|text| Principal::new(text).unwrap()))
                .with_label(label.map(|text| Label::new(&text)))
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(record in record()) {
            prop_assert_eq!(parse(&bytes(&record)), Ok(record));
        }

        #[test]
        fn a_cut_header_is_not_a_record(record in record(), cut in any::<proptest::sample::Index>()) {
            let whole = bytes(&record);
            let header = whole.len() - record.body.len();
            prop_assert_eq!(parse(&whole[..cut.index(header)]), Err(Unreadable::Foreign));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn the_longest_header_is_as_long_as_it_says() {
        let record = Record::new(Timestamp::MAX, Timestamp::MAX, [])
            .with_principal(Principal::new("p".repeat(255)).ok())
            .with_label(Some(Label::new(&"l".repeat(255))));
        assert_eq!(bytes(&record).len(), LONGEST_HEADER);
    }

    #[test]
    fn a_newer_format_is_told_from_what_is_not_ours() {
        assert_eq!(parse(b"\x02anything"), Err(Unreadable::Newer));
        for foreign in [b"".as_slice(), b"\0", b"text", b"\x80", b"\x01"] {
            assert_eq!(parse(foreign), Err(Unreadable::Foreign), "{foreign:?}");
        }
    }
}
