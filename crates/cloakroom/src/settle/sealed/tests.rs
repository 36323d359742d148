//! The table of settle for sealed sessions: what was seen and what is wanted, and what is done about it.

use cloakroom_store::{Label, Principal};

use super::*;
use crate::policy::Lifetime;
use crate::sign_in::CheckedSignIn;

const BEGAN: Timestamp = Timestamp::from_unix_millis(1_000_000_000);
const SEEN: Timestamp = Timestamp::from_unix_millis(BEGAN.as_unix_millis() + 10 * MINUTE);
const NOW: Timestamp = Timestamp::from_unix_millis(SEEN.as_unix_millis() + MINUTE);
const MINUTE: u64 = 60_000;
const STANDARD: Lifetime = Lifetime::of_seconds(30 * 60, 24 * 60 * 60);
const REMEMBERED: Lifetime = Lifetime::of_seconds(14 * 24 * 60 * 60, 30 * 24 * 60 * 60);
const FRESH: Id = Id::from_bytes([2; 16]);

/// An anonymous session with time left, that is not due to be touched.
fn live() -> Claims {
    Claims {
        id: Id::from_bytes([1; 16]),
        principal: None,
        begun: BEGAN,
        rotated: BEGAN,
        seen: SEEN,
        ends: BEGAN.saturating_add(STANDARD.absolute()),
        idle: STANDARD.idle(),
        remembered: false,
        label: None,
    }
}

fn of(principal: &str) -> Claims {
    Claims {
        principal: Some(Principal::new(principal).unwrap()),
        label: Some(Label::new("before")),
        ..live()
    }
}

fn sign_in(principal: &str) -> CheckedSignIn {
    CheckedSignIn {
        principal: Principal::new(principal).unwrap(),
        remember: false,
        label: None,
        authentication: Vec::new(),
    }
}

/// What is done, with the session as it will be.
#[derive(Debug, PartialEq)]
enum Does {
    Nothing,
    Draws,
    IsOver,
    Ends,
    Seals(Claims, Meaning, Option<Timestamp>),
}

fn does(held: Option<&Claims>, wanted: Wanted<'_>, now: Timestamp, id: Option<Id>) -> Does {
    let policy = Policy::default().lifetime(STANDARD).remembered(Some(REMEMBERED));
    match settle(held, &wanted, &policy, now, id) {
        Settlement::Nothing => Does::Nothing,
        Settlement::Draw => Does::Draws,
        Settlement::Over => Does::IsOver,
        Settlement::End => Does::Ends,
        Settlement::Seal(plan) => Does::Seals(*plan.next, plan.meaning, plan.supersedes),
    }
}

fn nothing<'a>() -> Wanted<'a> {
    Wanted::default()
}

fn data<'a>(data: DataChange) -> Wanted<'a> {
    Wanted { data, ..nothing() }
}

fn rotate<'a>() -> Wanted<'a> {
    Wanted {
        rotate: true,
        ..nothing()
    }
}

fn signs_in(sign_in: &CheckedSignIn) -> Wanted<'_> {
    Wanted {
        sign_in: Some(sign_in),
        ..nothing()
    }
}

#[test]
fn a_visitor_gets_no_cookie_until_something_is_to_be_kept() {
    for wanted in [nothing(), rotate(), data(DataChange::Emptied)] {
        assert_eq!(does(None, wanted, NOW, Some(FRESH)), Does::Nothing);
    }
    let begun = Claims {
        id: FRESH,
        begun: NOW,
        rotated: NOW,
        seen: NOW,
        ends: NOW.saturating_add(STANDARD.absolute()),
        ..live()
    };
    let changed = data(DataChange::Changed);
    assert_eq!(does(None, changed, NOW, None), Does::Draws);
    assert_eq!(
        does(None, changed, NOW, Some(FRESH)),
        Does::Seals(begun.clone(), Meaning::Begins, None)
    );
    let alice = sign_in("alice");
    assert_eq!(does(None, signs_in(&alice), NOW, None), Does::Draws);
    let begun = Claims {
        principal: Some(alice.principal.clone()),
        ..begun
    };
    assert_eq!(
        does(None, signs_in(&alice), NOW, Some(FRESH)),
        Does::Seals(begun, Meaning::SignsIn, None)
    );
}

#[test]
fn reading_seals_nothing_until_the_idle_stamp_is_due() {
    let due = SEEN.saturating_add(STANDARD.idle() / 20);
    let early = due.saturating_sub(Duration::from_millis(1));
    assert_eq!(does(Some(&live()), nothing(), early, None), Does::Nothing);
    let seen = Claims { seen: due, ..live() };
    assert_eq!(
        does(Some(&live()), nothing(), due, None),
        Does::Seals(seen, Meaning::Changed, None)
    );
}

#[test]
fn what_is_changed_is_sealed_and_rotates_nothing() {
    for change in [DataChange::Changed, DataChange::Emptied] {
        let seen = Claims {
            seen: NOW,
            ..of("alice")
        };
        assert_eq!(
            does(Some(&of("alice")), data(change), NOW, None),
            Does::Seals(seen, Meaning::Changed, None)
        );
    }
}

#[test]
fn a_rotation_is_later_than_any_token_before() {
    let check = |rotated: Timestamp, now: Timestamp, expected: Timestamp| {
        let held = Claims { rotated, ..live() };
        let next = Claims {
            rotated: expected,
            seen: now,
            ..live()
        };
        assert_eq!(
            does(Some(&held), rotate(), now, None),
            Does::Seals(next, Meaning::Rotates, Some(live().ends))
        );
    };
    check(BEGAN, NOW, NOW);
    let after = |moment: Timestamp| moment.saturating_add(Duration::from_millis(2));
    check(NOW, NOW, after(NOW));
    let ahead = NOW.saturating_add(Duration::from_secs(3));
    check(ahead, NOW, after(ahead));
}

#[test]
fn a_sign_in_keeps_the_id_and_begins_its_lifetime_anew() {
    for held in [live(), of("alice")] {
        let alice = sign_in("alice");
        let next = Claims {
            principal: Some(alice.principal.clone()),
            begun: NOW,
            rotated: NOW,
            seen: NOW,
            ends: NOW.saturating_add(STANDARD.absolute()),
            ..held.clone()
        };
        assert_eq!(
            does(Some(&held), signs_in(&alice), NOW, None),
            // Its mark is kept for as long as the new one could be shown: a sign-out with the old one ends that, too.
            Does::Seals(next.clone(), Meaning::SignsIn, Some(next.ends))
        );
        let remembered = CheckedSignIn {
            remember: true,
            label: Some(Label::new("now")),
            ..alice
        };
        let next = Claims {
            ends: NOW.saturating_add(REMEMBERED.absolute()),
            idle: REMEMBERED.idle(),
            remembered: true,
            label: Some(Label::new("now")),
            ..next
        };
        assert_eq!(
            does(Some(&held), signs_in(&remembered), NOW, None),
            Does::Seals(next.clone(), Meaning::SignsIn, Some(next.ends))
        );
    }
}

#[test]
fn the_session_of_somebody_else_ends_first() {
    let bob = sign_in("bob");
    let wanted = Wanted {
        starts_over: true,
        ..signs_in(&bob)
    };
    assert_eq!(does(Some(&of("alice")), wanted, NOW, None), Does::Ends);
}

#[test]
fn nothing_brings_back_what_has_expired() {
    let idle = live().expires();
    let ended = live().ends;
    let late = Claims {
        seen: live().ends,
        ..live()
    };
    let alice = sign_in("alice");
    for (held, now) in [(live(), idle), (late, ended)] {
        assert_eq!(does(Some(&held), nothing(), now, None), Does::Nothing);
        for wanted in [
            signs_in(&alice),
            rotate(),
            data(DataChange::Changed),
            data(DataChange::Emptied),
        ] {
            assert_eq!(does(Some(&held), wanted, now, None), Does::IsOver);
        }
    }
}
