//! Keeps applications that share a store apart.

use std::fmt;
use std::sync::Arc;

/// Application and cookie name: two of them in one store never meet.
///
/// Text of 1 to 128 bytes of visible ASCII without braces or a percent sign, so that it can stand in a key
/// of any store as it is (braces choose the slot in a Redis Cluster).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// The longest namespace, in bytes.
    pub const MAX_LEN: usize = 128;

    /// A namespace of this text.
    ///
    /// # Errors
    ///
    /// When the text is empty, longer than [`Self::MAX_LEN`] bytes, or has a character that is not allowed.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidNamespace> {
        let text = text.into();
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'%');
        let valid = (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(allowed);
        if valid {
            Ok(Self(text))
        } else {
            Err(InvalidNamespace)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidNamespace;

impl fmt::Display for InvalidNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a namespace is 1 to {} bytes of visible ASCII without braces or a percent sign",
            Namespace::MAX_LEN
        )
    }
}

impl std::error::Error for InvalidNamespace {}
