//! The bytes of a row: what a session's record looks like on the disk.
//!
//! ```text
//! format  revision  created  last seen  expires  filed   principal   label       body
//! 1       8         8        8          8        8       1 + text    1 + 1 + text  the rest
//! ```
//!
//! Numbers have the highest byte first. A principal of length zero is nobody. A label begins with whether there is
//! one. `filed` is the time under which the index of expiries knows the session: never later than `expires`.

use cloakroom_store::{Entry, Id, Label, Principal, Record, Revision, Stored, Timestamp};

/// What the first byte of a row says. A row in another format is not ours to read.
const FORMAT: u8 = 1;

const REVISION: usize = 1;
const CREATED: usize = 9;
const LAST_SEEN: usize = 17;
const EXPIRES: usize = 25;
const FILED: usize = 33;
const TEXTS: usize = 41;

/// A row as it is kept, not copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) revision: Revision,
    pub(super) created: Timestamp,
    pub(super) last_seen: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) filed: Timestamp,
    principal: &'a str,
    label: Option<&'a str>,
    body: &'a [u8],
}

impl<'a> Row<'a> {
    /// Reads a row, or nothing when these bytes are not one.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, texts) = bytes.split_at_checked(TEXTS)?;
        if head[0] != FORMAT {
            return None;
        }
        let (principal, rest) = split_text(texts)?;
        let (label, body) = match rest.split_first()? {
            (0, body) => (None, body),
            (1, rest) => split_text(rest).map(|(label, body)| (Some(label), body))?,
            _ => return None,
        };
        let moment = |at| Timestamp::from_unix_millis(number(head, at));
        Some(Self {
            revision: Revision::new(number(head, REVISION)),
            created: moment(CREATED),
            last_seen: moment(LAST_SEEN),
            expires: moment(EXPIRES),
            filed: moment(FILED),
            principal,
            label,
            body,
        })
    }

    pub(super) fn principal(&self) -> Option<Principal> {
        match self.principal {
            "" => None, // Not by trying: what is made of a text is allocated before it is looked at.
            text => Principal::new(text).ok(),
        }
    }

    pub(super) fn stored(&self) -> Stored {
        Stored::new(self.revision, self.record(self.body))
    }

    /// The clear metadata, without copying the body.
    pub(super) fn entry(&self, id: Id) -> Entry {
        Entry::new(id, self.revision, &self.record(&[]))
    }

    fn record(&self, body: &[u8]) -> Record {
        Record::new(self.created, self.expires, body)
            .with_last_seen(self.last_seen)
            .with_principal(self.principal())
            .with_label(self.label.map(Label::new))
    }
}

/// The bytes of a record at a revision.
pub(super) fn bytes(revision: Revision, record: &Record, filed: Timestamp) -> Vec<u8> {
    let principal = record.principal.as_ref().map_or("", Principal::as_str);
    let label = record.label.as_ref().map(Label::as_str);
    let texts = principal.len() + label.map_or(0, str::len) + 3;
    let mut bytes = Vec::with_capacity(TEXTS + texts + record.body.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&revision.value().to_be_bytes());
    for moment in [record.created, record.last_seen, record.expires, filed] {
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

/// The same row with these times.
pub(super) fn with_times(row: &[u8], last_seen: Timestamp, expires: Timestamp, filed: Timestamp) -> Vec<u8> {
    let mut bytes = row.to_vec();
    for (at, moment) in [(LAST_SEEN, last_seen), (EXPIRES, expires), (FILED, filed)] {
        bytes[at..at + 8].copy_from_slice(&moment.as_unix_millis().to_be_bytes());
    }
    bytes
}

fn number(head: &[u8], at: usize) -> u64 {
    let bytes = head[at..].first_chunk().expect("the head is longer");
    u64::from_be_bytes(*bytes)
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("principals and labels have at most 255 bytes"));
    bytes.extend_from_slice(text.as_bytes());
}

fn split_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((str::from_utf8(text).ok()?, rest))
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
                    let bytes = bytes(Revision::new(u64::MAX), &record, moment(3));
                    let row = Row::parse(&bytes).unwrap();
                    assert_eq!(row.stored(), Stored::new(Revision::new(u64::MAX), record.clone()));
                    assert_eq!(row.filed, moment(3));

                    let touched = with_times(&bytes, moment(4), moment(5), moment(6));
                    let row = Row::parse(&touched).unwrap();
                    assert_eq!(
                        (row.last_seen, row.expires, row.filed),
                        (moment(4), moment(5), moment(6))
                    );
                    assert_eq!(row.body, &*record.body);
                }
            }
        }
    }

    #[test]
    fn other_bytes_are_not_a_row() {
        let record = Record::new(moment(1), moment(2), *b"body")
            .with_principal(Principal::new("alice").ok())
            .with_label(Some(Label::new("device")));
        let whole = bytes(Revision::new(1), &record, moment(2));
        let texts = whole.len() - 4;
        for length in 0..texts {
            assert!(Row::parse(&whole[..length]).is_none(), "{length} bytes");
        }
        for (at, byte) in [(0, 0), (0, 2), (TEXTS, 255), (TEXTS + 1, 0xff), (TEXTS + 6, 2)] {
            let mut other = whole.clone();
            other[at] = byte;
            assert!(Row::parse(&other).is_none(), "{byte} at {at}");
        }
    }
}
