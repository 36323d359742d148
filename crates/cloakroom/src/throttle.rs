//! Which counters an attempt counts in, and whether it may go on.

use std::fmt;
use std::time::Duration;

// Numbers only: the same type under `std::net` stands among sockets.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cloakroom_store::{Counted, Timestamp};

use crate::seal::AttemptsKey;
use crate::{Error, ErrorKind};

/// What attempts were counted by that were too many.
// Complete: who is to be signed in, and where that is asked from, is all there is to an attempt.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Throttled {
    /// By the address they came from.
    Address,
    /// By the principal they were made at.
    Principal,
}

impl Throttled {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Principal => "principal",
        }
    }
}

/// So many attempts within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    most: u32,
    window: Duration,
}

impl Limit {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_hours(24);

    /// At most so many within each window.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for none at all, or a window that is not a second to a day: with the names of both.
    pub(crate) fn new(by: Throttled, most: u32, window: Duration) -> Result<Self, Error> {
        let by = by.word();
        if most == 0 {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "a limit of 0 attempts per {by} would refuse everybody: give at least 1, or leave it out"
                ),
            ));
        }
        if !(Self::SHORTEST..=Self::LONGEST).contains(&window) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the window of attempts per {by} is {window:?}, and must be from one second to one day"
                ),
            ));
        }
        Ok(Self { most, window })
    }

    /// When the window is over that it is now for what is counted.
    ///
    /// Windows begin at multiples of their length, so that all nodes agree without asking, but for each counter at others:
    /// otherwise everybody who guesses begins anew in the same moment.
    pub(crate) fn end(&self, counted: Counted, now: Timestamp) -> Timestamp {
        // A day at most, and a second at least.
        let length = self.window.as_millis() as u64;
        let (first, _) = counted
            .as_bytes()
            .split_first_chunk()
            .expect("16 bytes begin with 8");
        let shift = u64::from_le_bytes(*first) % length;
        let shifted = now.as_unix_millis().saturating_add(shift);
        let end = (shifted / length).saturating_add(1).saturating_mul(length);
        Timestamp::from_unix_millis(end.saturating_sub(shift))
    }

    /// Whether the attempt that was counted as this one may go on.
    pub(crate) fn has_room(&self, count: u64) -> bool {
        count <= u64::from(self.most)
    }
}

/// In how many whole seconds it is that moment, at least one.
pub(crate) fn seconds_until(moment: Timestamp, now: Timestamp) -> u64 {
    (moment.since(now).as_millis() as u64).div_ceil(1000).max(1)
}

/// What the refusals at such a counter are counted in.
pub(crate) fn of_refusals(key: &AttemptsKey, limit: &Limit, counted: Counted) -> Counted {
    key.counted(b'r', limit.window, counted.as_bytes())
}

/// What attempts at a principal count in, however it is spelled: with other letter case or spaces around it, it is the
/// same, for many applications would find the same user.
///
/// Not the text: people type passwords into the field for the name.
pub(crate) fn of_principal(key: &AttemptsKey, limit: &Limit, text: &str) -> Counted {
    key.counted(b'p', limit.window, without_case(text.trim()).as_bytes())
}

/// A text as it is for who takes letters of either case for the same.
///
/// Both ways, and letter by letter: some applications look up what they have put into small letters, and others what
/// they have put into capitals, by which `ſ` is an `s` and `ß` two of them. Whoever guesses would have as many limits
/// as there are spellings.
fn without_case(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// What attempts from an address count in.
pub(crate) fn of_block(key: &AttemptsKey, limit: &Limit, block: Block) -> Counted {
    match block {
        Block::V4(address) => key.counted(b'4', limit.window, &address.octets()),
        Block::V6(network) => key.counted(b'6', limit.window, &network.octets()),
    }
}

/// The addresses that one subscriber has: one of IPv4, and 2^72 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    V4(Ipv4Addr),
    /// With nothing but zeros behind the first [`SUBSCRIBER`](Self::SUBSCRIBER) bits.
    V6(Ipv6Addr),
}

impl Block {
    /// How many bits those of one home have in common. RIPE-690 §4.2 advises providers to give each home a /56: who has
    /// one would have 256 limits by the /64.
    const SUBSCRIBER: u32 = 56;

    /// What an address of IPv4 is behind in a network that has none: RFC 6052 §2.1. All of them are in one /64.
    const TRANSLATED: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

    pub(crate) fn of(address: IpAddr) -> Self {
        let address = match address.to_canonical() {
            IpAddr::V4(address) => return Self::V4(address),
            IpAddr::V6(address) => address,
        };
        let all_but_four_bytes = u128::MAX << 32;
        if address.to_bits() & all_but_four_bytes == Self::TRANSLATED.to_bits() {
            return Self::V4(Ipv4Addr::from_bits(address.to_bits() as u32));
        }
        let network = u128::MAX << (Ipv6Addr::BITS - Self::SUBSCRIBER);
        Self::V6(Ipv6Addr::from_bits(address.to_bits() & network))
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(network) => write!(f, "{network}/{}", Self::SUBSCRIBER),
        }
    }
}

#[cfg(test)]
mod tests;
