//! What compare-and-swap compares.

/// Tells two states of one record apart: minted by the store, opaque to everyone else.
///
/// A record never has the same revision twice, also when its id is used again after it was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision(u64);

impl Revision {
    /// A revision of a store's own minting.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// What the store minted.
    pub const fn value(self) -> u64 {
        self.0
    }
}
