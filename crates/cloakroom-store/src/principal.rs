//! Who is signed in.

use std::fmt;
use std::sync::Arc;

/// The application's own user id: text of 1 to 255 bytes, compared as bytes.
///
/// No case folding, no trimming, no Unicode normalisation: what the application calls two users are two
/// users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Arc<str>);

impl Principal {
    /// The longest principal, in bytes.
    pub const MAX_LEN: usize = 255;

    /// A principal of this text.
    ///
    /// # Errors
    ///
    /// When the text is empty or longer than [`Self::MAX_LEN`] bytes.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidPrincipal> {
        let text = text.into();
        match text.len() {
            0 => Err(InvalidPrincipal::Empty),
            1..=Self::MAX_LEN => Ok(Self(text)),
            length => Err(InvalidPrincipal::TooLong { length }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot be a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPrincipal {
    /// It is empty: most likely a user that was not found.
    Empty,
    /// It is longer than [`Principal::MAX_LEN`] bytes.
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
}

impl fmt::Display for InvalidPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a principal must not be empty"),
            Self::TooLong { length } => {
                write!(
                    f,
                    "a principal has at most {} bytes, this one has {length}",
                    Principal::MAX_LEN
                )
            }
        }
    }
}

impl std::error::Error for InvalidPrincipal {}
