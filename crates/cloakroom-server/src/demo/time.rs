//! Times in words.

use std::time::Duration;

use cloakroom::store::Timestamp;

/// Says how long ago a moment was: "just now", "5 minutes ago".
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    match now.since(then).as_secs() {
        0..MINUTE => "just now".to_owned(),
        seconds @ MINUTE..HOUR => format!("{} ago", count(seconds / MINUTE, "minute")),
        seconds @ HOUR..DAY => format!("{} ago", count(seconds / HOUR, "hour")),
        seconds => format!("{} ago", count(seconds / DAY, "day")),
    }
}

/// Says a duration in its largest unit, rounded: "30 minutes", "14 days".
pub(crate) fn span(duration: Duration) -> String {
    match duration.as_secs() {
        0..MINUTE => "less than a minute".to_owned(),
        seconds @ MINUTE..HOUR => count(rounded(seconds, MINUTE), "minute"),
        seconds @ HOUR..TWO_DAYS => count(rounded(seconds, HOUR), "hour"),
        seconds => count(rounded(seconds, DAY), "day"),
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;

fn rounded(seconds: u64, unit: u64) -> u64 {
    (seconds + unit / 2) / unit
}

fn count(number: u64, unit: &str) -> String {
    match number {
        1 => format!("1 {unit}"),
        _ => format!("{number} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_said_in_words() {
        let then = Timestamp::from_unix_millis(1_000_000);
        for (seconds, expected) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (5 * MINUTE, "5 minutes ago"),
            (HOUR - 1, "59 minutes ago"),
            (HOUR, "1 hour ago"),
            (23 * HOUR, "23 hours ago"),
            (DAY, "1 day ago"),
            (9 * DAY, "9 days ago"),
        ] {
            assert_eq!(
                ago(then.saturating_add(Duration::from_secs(seconds)), then),
                expected
            );
        }
    }

    #[test]
    fn a_moment_that_another_clock_calls_the_future_is_now() {
        assert_eq!(
            ago(
                Timestamp::from_unix_millis(0),
                Timestamp::from_unix_millis(90_000)
            ),
            "just now"
        );
    }

    #[test]
    fn a_duration_is_rounded() {
        for (seconds, expected) in [
            (59, "less than a minute"),
            (60, "1 minute"),
            (30 * MINUTE - 1, "30 minutes"),
            (DAY, "24 hours"),
            (14 * DAY - 1, "14 days"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }
}
