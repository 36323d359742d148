//! Moments as text: to the millisecond, in UTC, as RFC 3339 spells them.

use cloakroom_store::Timestamp;

/// The length of a moment as text.
pub(crate) const LEN: usize = "2026-11-25T18:40:00.000Z".len();

/// The last millisecond of the year 9999: a later moment is spelled as this one.
const LATEST: u64 = 253_402_300_799_999;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Days from the first of March of the year 0 to the Unix epoch.
const EPOCH: u64 = 719_468;

/// Days of 400 years, after which the Gregorian calendar repeats itself.
const ERA: u64 = 146_097;

/// Spells a moment.
pub(crate) fn spell(moment: Timestamp) -> [u8; LEN] {
    let millis = moment.as_unix_millis().min(LATEST);
    let (days, time) = (millis / DAY + EPOCH, millis % DAY);
    // Years begin in March here, so that a leap day is the last of its year.
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months from March on have 153 days, and so have the next five.
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, year) = match month {
        0..=9 => (month + 3, era * 400 + year),
        _ => (month - 9, era * 400 + year + 1),
    };
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], date);
    digits(&mut text[11..13], time / 3_600_000);
    digits(&mut text[14..16], time / 60_000 % 60);
    digits(&mut text[17..19], time / 1000 % 60);
    digits(&mut text[20..23], time % 1000);
    text
}

/// Reads what [`spell`] wrote; anything else is none, also another spelling of the same moment.
pub(crate) fn read(text: &[u8]) -> Option<Timestamp> {
    let text: &[u8; LEN] = text.try_into().ok()?;
    let (year, month, day) = (number(&text[0..4])?, number(&text[5..7])?, number(&text[8..10])?);
    let (hour, minute) = (number(&text[11..13])?, number(&text[14..16])?);
    let (second, milli) = (number(&text[17..19])?, number(&text[20..23])?);
    let (year, month) = match month {
        3..=12 => (year, month - 3),
        1..=2 => (year.checked_sub(1)?, month + 9),
        _ => return None,
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5;
    let days = (days + day.checked_sub(1)?).checked_sub(EPOCH)?;
    let millis = days * DAY + ((hour * 60 + minute) * 60 + second) * 1000 + milli;
    // What is not spelled as it would be is another moment, or none: the 31st of June, a minute of 60.
    let moment = Timestamp::from_unix_millis(millis);
    (spell(moment) == *text).then_some(moment)
}

fn digits(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number * 10 + u64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_moment_reads_back(millis in 0..=LATEST) {
            let moment = Timestamp::from_unix_millis(millis);
            prop_assert_eq!(read(&spell(moment)), Some(moment));
        }

        #[test]
        fn what_reads_is_spelled_as_it_was(text in "[12][09][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9].[0-9]{3}Z") {
            if let Some(moment) = read(text.as_bytes()) {
                prop_assert_eq!(&spell(moment)[..], text.as_bytes());
            }
        }
    }

    #[test]
    fn known_moments_are_spelled_as_they_are() {
        let check = |millis: u64, text: &str| {
            let moment = Timestamp::from_unix_millis(millis);
            assert_eq!(String::from_utf8(spell(moment).to_vec()).unwrap(), text);
        };
        // As `date -u -d @SECONDS` says.
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_399_999, "2000-02-28T23:59:59.999Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(951_868_800_000, "2000-03-01T00:00:00.000Z");
        check(1_709_164_800_000, "2024-02-29T00:00:00.000Z");
        check(1_800_000_000_001, "2027-01-15T08:00:00.001Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
        check(LATEST, "9999-12-31T23:59:59.999Z");
        check(u64::MAX, "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn another_spelling_is_none() {
        for wrong in [
            "",
            "2026-11-25T18:40:00Z",
            "2026-11-25T18:40:00.000+00:00",
            "2026-11-25t18:40:00.000z",
            "2026-11-25 18:40:00.000Z",
            "2026-11-31T18:40:00.000Z",
            "2025-02-29T18:40:00.000Z",
            "2026-00-25T18:40:00.000Z",
            "2026-13-25T18:40:00.000Z",
            "2026-11-00T18:40:00.000Z",
            "2026-11-25T24:00:00.000Z",
            "2026-11-25T18:60:00.000Z",
            "2026-11-25T18:40:60.000Z",
            "1969-12-31T23:59:59.999Z",
            "0000-01-01T00:00:00.000Z",
        ] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
