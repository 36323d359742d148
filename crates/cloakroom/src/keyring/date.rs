//! Dates in the key file: to the second, as RFC 3339 spells them in UTC.

use std::fmt;
use std::time::Duration;

use cloakroom_store::Timestamp;

/// A moment to the second, spelled `2026-11-25T18:40:00Z` (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KeyDate {
    /// Seconds since the Unix epoch, before the year 10,000.
    seconds: u64,
}

const DAY: u64 = 24 * 60 * 60;

impl KeyDate {
    const LATEST: u64 = 253_402_300_799;

    /// How long before `now` it was; nothing if it is later.
    pub fn age(self, now: Timestamp) -> Duration {
        now.since(Timestamp::from_unix_millis(self.seconds * 1000))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
        let number = |from: usize, to: usize| {
            let digits = &bytes[from..to];
            let value = |sum: u64, digit: &u8| sum * 10 + u64::from(digit - b'0');
            digits
                .iter()
                .all(u8::is_ascii_digit)
                .then(|| digits.iter().fold(0, value))
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let days = (1..=12).contains(&month).then(|| days_before(year, month))? + day.checked_sub(1)?;
        let seconds = days
            .checked_sub(days_before(1970, 1))?
            .checked_mul(DAY)?
            .checked_add(hour * 3600 + minute * 60 + second)?;
        // What is not spelled as it would be is another date, or none: the 31st of June, a minute of 60.
        let date = Self { seconds };
        (date.to_string() == text).then_some(date)
    }
}

impl From<Timestamp> for KeyDate {
    fn from(moment: Timestamp) -> Self {
        Self {
            seconds: (moment.as_unix_millis() / 1000).min(Self::LATEST),
        }
    }
}

impl fmt::Display for KeyDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.seconds / DAY + days_before(1970, 1), self.seconds % DAY);
        // 400 years have 146,097 days, so the year is this one or next to it.
        let guess = days * 400 / 146_097;
        let begun = |year: &u64| days_before(*year, 1) <= days;
        let year = (guess..=guess + 1).rev().find(begun).unwrap_or(guess - 1);
        let begun = |month: &u64| days_before(year, *month) <= days;
        let month = (1..=12).rev().find(begun).unwrap_or(1);
        let day = days - days_before(year, month) + 1;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Days from the first of January of the year 0 to the first of a month, in the Gregorian calendar.
fn days_before(year: u64, month: u64) -> u64 {
    const COMMON: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    // Leap days of the years before this one; the year 0 was one.
    let leap_days = year.div_ceil(4) - year.div_ceil(100) + year.div_ceil(400);
    year * 365 + leap_days + COMMON[month as usize - 1] + u64::from(leap && month > 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_spelled_as_the_standard_says() {
        // The seconds are those of `date -u -d … +%s`.
        let check = |seconds: u64, text: &str| {
            let date = KeyDate { seconds };
            assert_eq!(date.to_string(), text);
            assert_eq!(KeyDate::parse(text), Some(date));
        };
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_709_164_799, "2024-02-28T23:59:59Z");
        check(1_735_689_599, "2024-12-31T23:59:59Z");
        check(1_735_689_600, "2025-01-01T00:00:00Z");
        check(1_795_632_000, "2026-11-25T18:40:00Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
        check(KeyDate::LATEST, "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026-11-25",
            "2026-11-25 18:40:00Z",
            "2026-11-25T18:40:00z",
            "2026-11-25T18:40:00+00:00",
            "2026-06-31T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(KeyDate::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_reads_back(seconds in 0..=KeyDate::LATEST) {
            let date = KeyDate { seconds };
            prop_assert_eq!(KeyDate::parse(&date.to_string()), Some(date));
        }

        #[test]
        fn nothing_makes_it_panic(text in "[0-9TZ:-]{20}", any: String) {
            let _ = (KeyDate::parse(&text), KeyDate::parse(&any));
        }
    }
}
