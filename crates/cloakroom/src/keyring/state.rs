//! What a key is good for.

use std::fmt;

/// What a key is good for.
///
/// ```text
/// add ──► pending ── activate ──► active ── another is activated ──► retiring ── retire ──► retired
///                                    ▲───────────── activate ───────────┘  ▲───── reopen ──────┘
/// any ── compromise ──► compromised
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// Opens, and seals nothing yet: it is on its way to the other nodes.
    Pending,
    /// Seals and opens. There is exactly one.
    Active,
    /// Opens what it has sealed, and seals nothing any more.
    Retiring,
    /// Is refused: what it sealed counts as nothing. Kept, so that it can be reopened when that was too early.
    Retired,
    /// Is refused for good. Its bytes are gone from the file.
    Compromised,
}

impl KeyState {
    /// Whether a key in this state opens what it sealed.
    pub fn opens(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Retiring)
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Compromised => "compromised",
        })
    }
}
