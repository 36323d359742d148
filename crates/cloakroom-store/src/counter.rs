//! Counters, and the requests that change them.

use std::fmt;

use crate::{Namespace, Timestamp};

/// What is counted, as bytes that mean nothing to a store: usually made of a hash.
///
/// Compared as bytes, and never text: what a stranger typed does not reach a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counted([u8; Self::LEN]);

impl Counted {
    /// How many bytes it has.
    pub const LEN: usize = 16;

    /// What these bytes stand for.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// The bytes, as 32 hexadecimal digits.
impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counted({self})")
    }
}

/// Which counter: one for each namespace, each thing that is counted, and each moment at which counting ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counter {
    /// The application it belongs to.
    pub namespace: Namespace,
    /// What it counts.
    pub counted: Counted,
    /// When it is over. With another end it is another counter, which begins from nothing.
    pub until: Timestamp,
}

impl Counter {
    /// The counter of this that is over at that moment.
    pub fn new(namespace: Namespace, counted: Counted, until: Timestamp) -> Self {
        Self {
            namespace,
            counted,
            until,
        }
    }
}

/// The request of [`Counters::add`](crate::Counters::add).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AddOne {
    /// To which counter.
    pub counter: Counter,
}

impl AddOne {
    /// Adds one.
    pub fn new(counter: Counter) -> Self {
        Self { counter }
    }
}

/// The request of [`Counters::take_back`](crate::Counters::take_back).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TakeBack {
    /// From which counter.
    pub counter: Counter,
}

impl TakeBack {
    /// Takes one back that was added.
    pub fn new(counter: Counter) -> Self {
        Self { counter }
    }
}
