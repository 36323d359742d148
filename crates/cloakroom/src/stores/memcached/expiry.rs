//! When memcached may forget an item.

use std::time::Duration;

use cloakroom_store::Timestamp;

/// Memcached reads what is not more than thirty days as so long from now, and more as a moment.
const THIRTY_DAYS: u64 = 60 * 60 * 24 * 30;

/// "Never": memory still runs out, and then it goes like everything else.
const NEVER: u32 = 0;

/// The moment an item may go, in whole seconds of Unix time, a margin after the session expires.
///
/// Always a moment and never a length of time, so that a write that was long on its way does not prolong anything.
/// The server reads 32 bits with a sign and takes what is larger modulo that (seen on 1.6.18: 2^31 is gone at
/// once, and so is the largest number of 64 bits, while 2^32 stays for ever). What ends after January 2038
/// therefore has no end here: judging expiry is the reader's business anyway.
pub(super) fn exptime(expires: Timestamp, margin: Duration) -> u32 {
    let seconds = expires
        .saturating_add(margin)
        .as_unix_millis()
        .div_ceil(1000)
        // The first thirty days of 1970 would be read as so long from now, and the first moment as never.
        .max(THIRTY_DAYS + 1);
    match i32::try_from(seconds) {
        Ok(seconds) => seconds.unsigned_abs(),
        Err(_) => NEVER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(millis: u64, margin: u64, expected: u32) {
        let expires = Timestamp::from_unix_millis(millis);
        assert_eq!(
            exptime(expires, Duration::from_secs(margin)),
            expected,
            "{millis} + {margin} s"
        );
    }

    #[test]
    fn the_margin_is_added_and_rounded_up() {
        check(1_800_000_000_000, 600, 1_800_000_600);
        check(1_800_000_000_001, 600, 1_800_000_601);
        check(1_800_000_000_999, 0, 1_800_000_001);
    }

    #[test]
    fn the_past_is_a_moment_too() {
        check(0, 0, 2_592_001);
        check(1000, 600, 2_592_001);
    }

    #[test]
    fn what_memcached_cannot_count_to_never_expires() {
        check(2_147_483_647_000, 0, 2_147_483_647);
        check(2_147_483_647_001, 0, 0);
        check(2_147_483_047_000, 601, 0);
        check(u64::MAX, u64::MAX, 0);
    }
}
