//! What the fuzz targets call: the parser of what a server keeps.

use super::record;

/// A value that reads is written with the same bytes.
pub fn value(bytes: &[u8]) {
    if let Ok(stored) = record::parse(bytes) {
        assert_eq!(record::bytes(stored.revision, &stored.record), bytes);
    }
}
