//! What an application calls a session in a list of devices.

use std::fmt;
use std::sync::Arc;

/// A few words for a person: "Firefox on Linux". At most 255 bytes, kept in clear.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// The longest label, in bytes.
    pub const MAX_LEN: usize = 255;

    /// A label of this text, cut at a character when it is longer than [`Self::MAX_LEN`] bytes.
    ///
    /// Cut and not refused: a label is often made from what a browser sent, and must never fail a sign-in.
    pub fn new(text: &str) -> Self {
        Self(text[..text.floor_char_boundary(Self::MAX_LEN)].into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_label_is_cut_between_characters() {
        assert_eq!(Label::new("short").as_str(), "short");
        assert_eq!(Label::new(&"é".repeat(200)).as_str(), "é".repeat(127));
    }
}
