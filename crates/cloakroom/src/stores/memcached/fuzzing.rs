//! What the fuzz targets call: the parsers of what a server sends.

use super::{reply, value};

/// An answer that reads ends within what has come, and only a whole one is taken for one.
pub fn reply(bytes: &[u8]) {
    if let Ok(Some((read, length))) = reply::parse(bytes) {
        assert!((1..=bytes.len()).contains(&length));
        // The same again, whatever comes after it; and nothing before the last of its bytes is there.
        assert_eq!(reply::parse(&bytes[..length]), Ok(Some((read, length))));
        assert!(!matches!(reply::parse(&bytes[..length - 1]), Ok(Some(_))));
    }
}

/// An item that reads is written with the same bytes.
pub fn item(bytes: &[u8]) {
    if let Ok(record) = value::parse(bytes) {
        assert_eq!(value::bytes(&record), bytes);
    }
}
