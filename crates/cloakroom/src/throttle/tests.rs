//! Limits at their edges, spellings that are one, and addresses that are one.

use cloakroom_store::Namespace;

use super::*;
use crate::seal::Derivation;

fn limit(most: u32, seconds: u64) -> Limit {
    Limit::new(Throttled::Principal, most, Duration::from_secs(seconds)).unwrap()
}

fn key(namespace: &str, what: &str) -> AttemptsKey {
    Derivation::new(&Namespace::new(namespace).unwrap()).attempts(what)
}

#[test]
fn a_limit_that_makes_no_sense_is_refused_by_its_name() {
    let check = |most, millis, says: Option<&str>| {
        let made = Limit::new(Throttled::Address, most, Duration::from_millis(millis));
        let said = made.map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            error.to_string()
        });
        match says {
            None => assert!(said.is_ok(), "{most} {millis}"),
            Some(says) => assert!(
                said.as_ref().unwrap_err().contains(says),
                "{most} {millis}: {said:?}"
            ),
        }
    };
    check(1, 1000, None);
    check(u32::MAX, 86_400_000, None);
    check(0, 1000, Some("0 attempts per address"));
    check(1, 0, Some("window of attempts per address is 0ns"));
    check(1, 999, Some("from one second to one day"));
    check(1, 86_400_001, Some("from one second to one day"));
}

#[test]
fn an_attempt_goes_on_up_to_the_limit() {
    let check = |most, count, expected| assert_eq!(limit(most, 60).has_room(count), expected, "{count}");
    check(1, 1, true);
    check(1, 2, false);
    check(5, 5, true);
    check(5, 6, false);
    check(5, u64::MAX, false);
    check(u32::MAX, u64::from(u32::MAX), true);
    check(u32::MAX, 1 << 32, false);
}

#[test]
fn a_window_ends_within_its_length_and_the_next_one_begins_there() {
    let shifts = [0u64, 1, 59_999, 60_000, 1 << 40, u64::MAX];
    for shift in shifts {
        let mut bytes = [7; Counted::LEN];
        bytes[..8].copy_from_slice(&shift.to_le_bytes());
        let counted = Counted::from_bytes(bytes);
        for seconds in [1, 60, 900, 86_400] {
            let (limit, length) = (limit(1, seconds), seconds * 1000);
            for now in [0, 1, 999, 1_795_000_000_000, 1_795_000_000_001] {
                let at = Timestamp::from_unix_millis;
                let end = limit.end(counted, at(now));
                let left = end.since(at(now)).as_millis() as u64;
                assert!((1..=length).contains(&left), "{shift} {seconds} {now}: {left}");
                let last = at(end.as_unix_millis() - 1);
                assert_eq!(limit.end(counted, last), end, "{shift} {seconds} {now}");
                let next = limit.end(counted, end);
                assert_eq!(next.as_unix_millis(), end.as_unix_millis() + length);
            }
        }
    }
}

#[test]
fn windows_of_two_do_not_turn_together() {
    let now = Timestamp::from_unix_millis(1_795_000_000_000);
    let key = key("app:c", "signing in");
    let ends: std::collections::BTreeSet<_> = (0..50)
        .map(|n| {
            let limit = limit(1, 900);
            limit.end(of_principal(&key, &limit, &n.to_string()), now)
        })
        .collect();
    assert!(ends.len() > 45, "{} of 50", ends.len());
}

/// The last minute of a day is over when the day is: who limits both would count both in one counter.
#[test]
fn windows_of_two_lengths_share_no_counter() {
    let key = key("app:c", "signing in");
    let (minute, day) = (limit(5, 60), limit(100, 86_400));
    let now = Timestamp::from_unix_millis(1_795_000_000_000);
    let counter = |limit: &Limit, now| {
        let counted = of_principal(&key, limit, "alice");
        (counted, limit.end(counted, now))
    };
    let (_, end) = counter(&day, now);
    let last = Timestamp::from_unix_millis(end.as_unix_millis() - 1);
    assert_ne!(counter(&minute, last).0, counter(&day, last).0);
    let of = |limit| of_block(&key, limit, Block::of([203, 0, 113, 7].into()));
    assert_ne!(of(&minute), of(&day));
}

#[test]
fn seconds_are_whole_and_never_none() {
    let check = |until, now, expected| {
        let at = Timestamp::from_unix_millis;
        assert_eq!(seconds_until(at(until), at(now)), expected, "{until} {now}");
    };
    check(1000, 0, 1);
    check(1001, 0, 2);
    check(60_000, 1, 60);
    check(5, 5, 1);
    check(5, 900, 1);
}

#[test]
fn one_name_is_one_name_however_it_is_spelled() {
    let (key, limit) = (key("app:c", "signing in"), limit(1, 60));
    let check = |one: &str, other: &str, same: bool| {
        assert_eq!(
            of_principal(&key, &limit, one) == of_principal(&key, &limit, other),
            same,
            "{one:?} {other:?}"
        );
    };
    check("alice", "ALICE", true);
    check("alice", " Alice\t\n", true);
    check("éva", "ÉVA", true);
    check("STRASSE", "straße", true);
    check("jesse", "jeſſe", true);
    check("ΝΙΚΟΣ", "νικοσ", true);
    check("νικος", "νικοσ", true);
    check("kim", "\u{212a}im", true);
    check("ada", "adä", false);
    check("alice", "alice2", false);
    check("alice", "al ice", false);
    check("", " ", true);
    check("", "a", false);
}

/// However an application makes one of two spellings, by small letters or by capitals.
#[test]
fn no_letter_has_a_limit_for_each_of_its_cases() {
    let changes = |letter: &char| letter.to_lowercase().ne([*letter]) || letter.to_uppercase().ne([*letter]);
    // A capital `i` with a dot is an `i` for nobody but who speaks Turkish.
    for letter in (char::MIN..=char::MAX).filter(|letter| changes(letter) && *letter != 'İ') {
        let folded = without_case(&letter.to_string());
        for other in [
            letter.to_lowercase().to_string(),
            letter.to_uppercase().to_string(),
        ] {
            assert_eq!(without_case(&other), folded, "{letter:?} and {other:?}");
        }
    }
}

#[test]
fn what_is_counted_is_nobody_elses() {
    let (app, other) = (key("app:c", "signing in"), key("other:c", "signing in"));
    let up = key("app:c", "signing up");
    let limit = limit(1, 60);
    let v4 = |text: &str| of_block(&app, &limit, Block::of(text.parse().unwrap()));
    let all = [
        of_principal(&app, &limit, "alice"),
        of_principal(&other, &limit, "alice"),
        of_principal(&up, &limit, "alice"),
        of_principal(&app, &limit, "1.2.3.4"),
        v4("1.2.3.4"),
        v4("1.2.3.5"),
        v4("102:304::"),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn a_subscriber_has_one_block() {
    let check = |address: &str, expected: &str| {
        assert_eq!(Block::of(address.parse().unwrap()).to_string(), expected);
    };
    check("203.0.113.7", "203.0.113.7");
    check("::ffff:203.0.113.7", "203.0.113.7");
    check("2001:db8:1:2:3:4:5:6", "2001:db8:1::/56");
    check("2001:db8:1:ff::1", "2001:db8:1::/56");
    check("2001:db8:1:100::1", "2001:db8:1:100::/56");
    check("::1", "::/56");
    // Behind a translator all of IPv4 is in one /64, and nobody is to use up everybody's limit.
    check("64:ff9b::203.0.113.7", "203.0.113.7");
    check("64:ff9b::1:203.0.113.7", "64:ff9b::/56");
}
