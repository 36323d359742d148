//! The table of settle: what was seen and what is wanted, and what is done about it.
//!
//! Each case says what differs from the one it is derived from: `..WRITES` is "as before, and written".

use cloakroom_store::{Label, Revision};

use super::*;
use crate::held::Wrapped;
use crate::keyring::KeyId;
use crate::policy::Lifetime;
use crate::seal::Verifier;

/// When the session of these cases began, was last seen, and is seen again.
const BEGAN: Timestamp = Timestamp::from_unix_millis(1_000_000_000);
const SEEN: Timestamp = Timestamp::from_unix_millis(BEGAN.as_unix_millis() + 10 * MINUTE);
const NOW: Timestamp = Timestamp::from_unix_millis(SEEN.as_unix_millis() + MINUTE);

const MINUTE: u64 = 60_000;
const STANDARD: Lifetime = Lifetime::of_seconds(30 * 60, 24 * 60 * 60);
const REMEMBERED: Lifetime = Lifetime::of_seconds(14 * 24 * 60 * 60, 30 * 24 * 60 * 60);

/// Secrets, ids and keys by the byte they consist of.
const HELD: u8 = 1;
const FRESH: u8 = 2;
const EARLIER: u8 = 3;
const NEWEST: u8 = 4;
const WINDOW: Duration = Duration::from_secs(10);

// Nobody has a session.

#[test]
fn a_visitor_costs_nothing_until_something_is_to_be_kept() {
    for residence in [Residence::Process, Residence::Elsewhere] {
        let rules = Case {
            residence,
            ..Case::default()
        };
        check(None, NOTHING, rules, Does::Nothing);
        check(None, wants(DataChange::Emptied), rules, Does::Nothing);
        check(None, ROTATE, rules, Does::Nothing);
    }
}

#[test]
fn a_session_begins_with_the_first_data() {
    check(None, CHANGE, Case::default(), Does::Write(BEGINS));
    // Periodic rotation has nothing to rotate yet.
    check(None, CHANGE, Case::rotating(), Does::Write(BEGINS));
    check(
        None,
        CHANGE,
        Case::default().in_process(),
        Does::Write(BEGINS.without_key()),
    );
    let both = Wish {
        rotate: true,
        ..CHANGE
    };
    check(None, both, Case::default(), Does::Write(BEGINS));
}

#[test]
fn a_session_begins_with_a_sign_in() {
    for data in [DataChange::None, DataChange::Changed, DataChange::Emptied] {
        let sign_in = Wish {
            data,
            ..sign_in("alice")
        };
        check(None, sign_in, Case::default(), Does::Write(BEGINS.of("alice")));
    }
}

#[test]
fn whoever_asks_to_be_remembered_gets_the_longer_lifetime() {
    let remembered = Written {
        remembered: true,
        lifetime: REMEMBERED,
        expires: after(NOW, REMEMBERED.idle()),
        ends: after(NOW, REMEMBERED.absolute()),
        ..BEGINS.of("alice")
    };
    check(
        None,
        sign_in("alice").remember(),
        Case::default(),
        Does::Write(remembered),
    );
    // Where the policy remembers nobody, asking changes nothing.
    let nobody = Case {
        policy_remembers: false,
        ..Case::default()
    };
    check(
        None,
        sign_in("alice").remember(),
        nobody,
        Does::Write(BEGINS.of("alice")),
    );
}

// The session is live.

#[test]
fn reading_writes_nothing() {
    check(Some(live()), NOTHING, Case::default(), Does::Nothing);
    check(Some(live()), NOTHING, Case::default().in_process(), Does::Nothing);
    check(Some(live()), NOTHING, Case::rotating(), Does::Nothing);
}

#[test]
fn a_touch_moves_last_seen_and_the_idle_expiry() {
    let touch = |now: Timestamp| Does::Touch {
        last_seen: now,
        expires: after(now, STANDARD.idle()),
    };
    let due = after(SEEN, STANDARD.idle() / 20);
    let early = Timestamp::from_unix_millis(due.as_unix_millis() - 1);
    check(Some(live()), NOTHING, Case::at(early), Does::Nothing);
    check(Some(live()), NOTHING, Case::at(due), touch(due));
    let last = Timestamp::from_unix_millis(live().expires.as_unix_millis() - 1);
    check(Some(live()), NOTHING, Case::at(last), touch(last));
}

#[test]
fn a_touch_never_passes_the_end() {
    let held = Held {
        ends: after(NOW, Duration::from_secs(60)),
        ..live()
    };
    let touch = Does::Touch {
        last_seen: after(SEEN, Duration::from_secs(90)),
        expires: held.ends,
    };
    check(
        Some(held),
        NOTHING,
        Case::at(after(SEEN, Duration::from_secs(90))),
        touch,
    );
}

#[test]
fn changed_data_is_written_and_the_token_stays() {
    check(Some(live()), CHANGE, Case::default(), Does::Write(WRITES));
    check(
        Some(live()),
        CHANGE,
        Case::default().in_process(),
        Does::Write(WRITES.without_key()),
    );
    // A session that was emptied stays, with no data.
    check(
        Some(live()),
        wants(DataChange::Emptied),
        Case::default(),
        Does::Write(WRITES),
    );
}

#[test]
fn a_write_is_a_touch_too_but_never_passes_the_end() {
    let ends = after(NOW, Duration::from_secs(60));
    let held = Held { ends, ..live() };
    let written = Written {
        ends,
        expires: ends,
        ..WRITES
    };
    check(Some(held), CHANGE, Case::default(), Does::Write(written));
}

#[test]
fn a_write_moves_last_seen_forward_only() {
    // By a node whose clock is behind that of the one that has seen it last.
    let slow = SEEN.saturating_sub(Duration::from_secs(3600));
    let written = Written {
        last_seen: SEEN,
        expires: after(SEEN, STANDARD.idle()),
        ..WRITES
    };
    check(Some(live()), CHANGE, Case::at(slow), Does::Write(written));
    let ends = after(SEEN, Duration::from_secs(60));
    let held = Held { ends, ..live() };
    let written = Written {
        ends,
        expires: ends,
        ..written
    };
    check(Some(held), CHANGE, Case::at(slow), Does::Write(written));
}

#[test]
fn rotating_gives_a_new_secret_and_a_new_key_to_the_same_session() {
    check(Some(live()), ROTATE, Case::default(), Does::Write(ROTATES));
    check(
        Some(live()),
        ROTATE,
        Case::default().in_process(),
        Does::Write(ROTATES.without_key()),
    );
    let both = Wish {
        rotate: true,
        ..CHANGE
    };
    check(Some(live()), both, Case::default(), Does::Write(ROTATES));
    let signed_in = Held {
        principal: Some(principal("alice")),
        ..live()
    };
    check(
        Some(signed_in),
        ROTATE,
        Case::default(),
        Does::Write(ROTATES.of("alice")),
    );
}

#[test]
fn signing_in_rotates_and_keeps_the_session() {
    check(
        Some(live()),
        sign_in("alice"),
        Case::default(),
        Does::Write(SIGNS_IN),
    );
    check(
        Some(live()),
        sign_in("alice"),
        Case::default().in_process(),
        Does::Write(SIGNS_IN.without_key()),
    );
    let all = Wish {
        rotate: true,
        data: DataChange::Changed,
        ..sign_in("alice")
    };
    check(Some(live()), all, Case::rotating(), Does::Write(SIGNS_IN));
}

#[test]
fn signing_in_again_is_a_re_authentication_and_begins_the_lifetime_anew() {
    let alice = || Held {
        principal: Some(principal("alice")),
        remembered: true,
        lifetime: REMEMBERED,
        ends: after(BEGAN, REMEMBERED.absolute()),
        ..live()
    };
    // Not asked for again, being remembered is over.
    check(
        Some(alice()),
        sign_in("alice"),
        Case::default(),
        Does::Write(SIGNS_IN),
    );
    let remembered = Written {
        remembered: true,
        lifetime: REMEMBERED,
        expires: after(NOW, REMEMBERED.idle()),
        ends: after(NOW, REMEMBERED.absolute()),
        ..SIGNS_IN
    };
    check(
        Some(alice()),
        sign_in("alice").remember(),
        Case::default(),
        Does::Write(remembered),
    );
    // Whatever is written without a sign-in keeps the lifetime the session was given.
    let kept = Written {
        remembered: true,
        lifetime: REMEMBERED,
        expires: after(NOW, REMEMBERED.idle()),
        ends: after(BEGAN, REMEMBERED.absolute()),
        ..WRITES.of("alice")
    };
    check(Some(alice()), CHANGE, Case::default(), Does::Write(kept));
}

#[test]
fn a_label_stays_until_a_sign_in_brings_another() {
    let labelled = || Held {
        label: Some(Label::new("old")),
        ..live()
    };
    let new = Wish {
        label: Some("new"),
        ..sign_in("alice")
    };
    check(
        Some(labelled()),
        CHANGE,
        Case::default(),
        Does::Write(WRITES.labelled("old")),
    );
    check(
        Some(labelled()),
        sign_in("alice"),
        Case::default(),
        Does::Write(SIGNS_IN.labelled("old")),
    );
    check(
        Some(labelled()),
        new,
        Case::default(),
        Does::Write(SIGNS_IN.labelled("new")),
    );
    check(
        None,
        new,
        Case::default(),
        Does::Write(BEGINS.of("alice").labelled("new")),
    );
}

#[test]
fn the_session_of_somebody_else_ends_before_another_begins() {
    let alice = Held {
        principal: Some(principal("alice")),
        ..live()
    };
    let bob = Wish {
        starts_over: true,
        ..sign_in("bob")
    };
    let end = Does::End { owner: Some("alice") };
    check(Some(alice.clone()), bob, Case::default(), end);
    check(Some(alice), Wish { rotate: true, ..bob }, Case::rotating(), end);
    // And then, with that session gone:
    check(None, bob, Case::default(), Does::Write(BEGINS.of("bob")));
}

// The session expired while the request ran.

#[test]
fn what_is_done_to_an_expired_session_is_dropped() {
    let at = live().expires;
    check(Some(live()), NOTHING, Case::at(at), Does::Nothing);
    let bob = Wish {
        starts_over: true,
        ..sign_in("bob")
    };
    for wish in [CHANGE, ROTATE, wants(DataChange::Emptied), sign_in("alice"), bob] {
        check(Some(live()), wish, Case::at(at), Does::Over);
        check(Some(live()), wish, Case::at(Timestamp::MAX), Does::Over);
        check(
            Some(due_for_rotation()),
            wish,
            Case::rotating().then(at),
            Does::Over,
        );
    }
}

// Periodic rotation.

#[test]
fn rotation_is_due_a_period_after_the_newest_secret_was_drawn() {
    check(Some(due_for_rotation()), NOTHING, Case::default(), Does::Nothing);
    let early = Held {
        rotated: after(due_for_rotation().rotated, Duration::from_millis(1)),
        ..live()
    };
    check(Some(early), NOTHING, Case::rotating(), Does::Nothing);
    for wish in [NOTHING, CHANGE] {
        check(
            Some(due_for_rotation()),
            wish,
            Case::rotating(),
            Does::Write(ROTATES_PERIODICALLY),
        );
    }
    check(
        Some(due_for_rotation()),
        NOTHING,
        Case::rotating().in_process(),
        Does::Write(ROTATES_PERIODICALLY.without_key()),
    );
}

#[test]
fn whether_and_when_it_rotated_before_makes_no_difference() {
    let seen = Previous {
        newest_seen: Some(SEEN),
        ..previous()
    };
    let held = Held {
        previous: Some(seen.into()),
        ..due_for_rotation()
    };
    check(
        Some(held),
        NOTHING,
        Case::rotating(),
        Does::Write(ROTATES_PERIODICALLY),
    );
}

#[test]
fn a_rotation_that_was_asked_for_has_no_grace() {
    check(
        Some(due_for_rotation()),
        ROTATE,
        Case::rotating(),
        Does::Write(ROTATES),
    );
    check(
        Some(due_for_rotation()),
        sign_in("alice"),
        Case::rotating(),
        Does::Write(SIGNS_IN),
    );
}

#[test]
fn the_first_use_of_the_newest_secret_begins_the_end_of_the_one_before() {
    let unseen = || Held {
        previous: Some(previous().into()),
        ..live()
    };
    let seen = Written {
        previous: Some(Before {
            newest_seen: Some(NOW),
            ..BEFORE
        }),
        ..WRITES
    };
    // That is worth a write, also where nothing else is, and where rotation has been switched off meanwhile.
    for case in [Case::rotating(), Case::default()] {
        check(Some(unseen()), NOTHING, case, Does::Write(seen));
        check(Some(unseen()), CHANGE, case, Does::Write(seen));
    }
    check(Some(unseen()), ROTATE, Case::rotating(), Does::Write(ROTATES));
    check(
        Some(unseen()),
        sign_in("alice"),
        Case::rotating(),
        Does::Write(SIGNS_IN),
    );
    // Once it is noted, reading costs nothing again.
    let noted = Previous {
        newest_seen: Some(NOW),
        ..previous()
    };
    let held = Held {
        previous: Some(noted.into()),
        ..live()
    };
    check(Some(held), NOTHING, Case::rotating(), Does::Nothing);
}

#[test]
fn the_secret_before_is_good_for_reading_and_writing_in_its_grace() {
    for newest_seen in [None, Some(SEEN)] {
        let held = || Held {
            previous: Some(Box::new(Previous {
                newest_seen,
                ..previous()
            })),
            ..in_grace_with_previous()
        };
        check(Some(held()), NOTHING, Case::rotating(), Does::Nothing);
        let written = Written {
            standing: Standing::Previous,
            verifier: Some(NEWEST),
            rotated: NOW,
            previous: Some(Before {
                newest_seen,
                ..BEFORE
            }),
            ..WRITES
        };
        check(Some(held()), CHANGE, Case::rotating(), Does::Write(written));
        // What it rotates explicitly is rotated for everyone, whoever has the newest secret included.
        check(Some(held()), ROTATE, Case::rotating(), Does::Write(ROTATES));
        check(
            Some(held()),
            sign_in("alice"),
            Case::rotating(),
            Does::Write(SIGNS_IN),
        );
    }
}

#[test]
fn a_lost_response_is_made_up_for_by_another_rotation() {
    let check_at = |since: Duration, newest_seen: Option<Timestamp>, does: Does| {
        let previous = Previous {
            newest_seen,
            ..previous()
        };
        let held = Held {
            rotated: NOW.saturating_sub(since),
            previous: Some(previous.into()),
            ..in_grace_with_previous()
        };
        check(Some(held), NOTHING, Case::rotating(), does);
    };
    check_at(LOST_AFTER - Duration::from_millis(1), None, Does::Nothing);
    // The secret that was never seen is forgotten; the one that is in use goes on being the one before.
    let again = Written {
        key: Key::ToWrap(HELD),
        previous: Some(BEFORE),
        ..ROTATES
    };
    check_at(LOST_AFTER, None, Does::Write(again));
    check_at(LOST_AFTER * 1000, None, Does::Write(again));
    // It arrived: nothing was lost.
    check_at(LOST_AFTER, Some(SEEN), Does::Nothing);
}

#[test]
fn without_periodic_rotation_nothing_rotates_by_itself() {
    // Also the rule of a request whose response head has left.
    let held = Held {
        rotated: BEGAN,
        ..in_grace_with_previous()
    };
    check(Some(held), NOTHING, Case::default(), Does::Nothing);
}

#[test]
fn grace_ends_a_few_seconds_after_the_newest_secret_was_seen() {
    let check = |newest_seen: Option<Timestamp>, now: Timestamp, good: bool| {
        let previous = Previous {
            newest_seen,
            ..previous()
        };
        assert_eq!(in_grace(&previous, now), good, "{newest_seen:?} {now:?}");
    };
    check(None, Timestamp::MAX, true);
    check(Some(NOW), NOW, true);
    check(Some(NOW), after(NOW, GRACE - Duration::from_millis(1)), true);
    check(Some(NOW), after(NOW, GRACE), false);
    check(Some(Timestamp::MAX), NOW, true);
}

// Whatever is seen and wanted.

#[test]
fn every_combination_keeps_the_promises() {
    let mut written = 0;
    for held in everything_held() {
        for wish in everything_wanted() {
            for case in everything_ruled() {
                let held = held.clone().map(|held| as_kept(held, case.residence));
                written += u32::from(promises_hold(held.as_ref(), wish, case));
            }
        }
    }
    assert!(written > 1000, "{written}");
}

fn promises_hold(held: Option<&Held>, wish: Wish, case: Case) -> bool {
    let context = format!("{held:?} {wish:?} {case:?}");
    let plan = match decide(held, wish, case, Some(&fresh())) {
        Settlement::Write(plan) => plan,
        Settlement::Draw => panic!("asks for randomness twice: {context}"),
        Settlement::Touch { last_seen, expires } => {
            let held = held.expect("only what is there is touched");
            assert!(case.now < held.expires && last_seen == case.now, "{context}");
            assert!(expires <= held.ends, "{context}");
            return false;
        }
        Settlement::Nothing | Settlement::Over | Settlement::End { .. } => return false,
    };
    let next = &plan.next;
    let signs_in = wish.sign_in.is_some();
    assert!(next.expires <= next.ends, "no write passes the end: {context}");
    assert_eq!(
        next.recent.last(),
        fresh().tag,
        "a write can be recognised: {context}"
    );
    assert_eq!(plan.signs_in, signs_in, "{context}");
    assert_eq!(
        plan.new_token,
        next.token.secret == fresh().token.secret,
        "a secret is handed out exactly when it is new: {context}"
    );
    assert_eq!(
        next.key.is_none(),
        case.residence == Residence::Process,
        "{context}"
    );
    if signs_in || wish.rotate {
        assert!(plan.new_token && next.previous.is_none(), "no grace: {context}");
        let drawn = next.key.as_ref().is_none_or(|key| *key.key == *fresh().key);
        assert!(drawn, "nothing that the old token opened opens this: {context}");
    }
    if plan.new_token {
        assert_eq!(next.verifier.map(|verifier| verifier.0), None, "{context}");
        assert_eq!(next.standing, Standing::Newest, "{context}");
    }
    let Some(held) = held else {
        assert_eq!(
            (plan.expect, next.token.id),
            (Expect::Absent, id(FRESH)),
            "{context}"
        );
        return true;
    };
    assert!(
        case.now < held.expires,
        "what has expired is not written: {context}"
    );
    assert!(
        !wish.starts_over,
        "somebody else's session is not written: {context}"
    );
    assert_eq!(next.token.id, id(HELD), "{context}");
    assert!(matches!(plan.expect, Expect::Revision(_)), "{context}");
    if !signs_in {
        assert_eq!((next.created, next.ends), (held.created, held.ends), "{context}");
        assert_eq!(next.principal, held.principal, "{context}");
    }
    true
}

fn everything_held() -> Vec<Option<Held>> {
    let mut all = vec![None];
    let seen = [None, Some(SEEN)];
    let previous = seen.map(|newest_seen| {
        Some(Previous {
            newest_seen,
            ..previous()
        })
    });
    for previous in previous.into_iter().chain([None]) {
        for standing in [Standing::Newest, Standing::Previous] {
            for principal in [None, Some(principal("alice"))] {
                for rotated in [due_for_rotation().rotated, SEEN, NOW] {
                    all.push(Some(Held {
                        rotated,
                        previous: previous.clone().map(Box::new),
                        standing,
                        principal: principal.clone(),
                        ..live()
                    }));
                }
            }
        }
    }
    all
}

fn everything_wanted() -> Vec<Wish> {
    let mut all = Vec::new();
    for data in [DataChange::None, DataChange::Changed, DataChange::Emptied] {
        for rotate in [false, true] {
            for wish in [NOTHING, sign_in("alice"), sign_in("alice").remember()] {
                all.push(Wish { data, rotate, ..wish });
            }
            all.push(Wish {
                data,
                rotate,
                starts_over: true,
                ..sign_in("bob")
            });
        }
    }
    all
}

fn everything_ruled() -> Vec<Case> {
    let mut all = Vec::new();
    let touch_due = after(SEEN, Duration::from_secs(90));
    for now in [NOW, touch_due, live().expires, Timestamp::MAX] {
        for case in [Case::default(), Case::rotating()] {
            all.extend([case.then(now), case.then(now).in_process()]);
        }
    }
    all
}

// What the cases are made of.

/// What a request wants, in a form that can be written down as a constant.
#[derive(Debug, Clone, Copy)]
struct Wish {
    data: DataChange,
    sign_in: Option<&'static str>,
    remember: bool,
    label: Option<&'static str>,
    rotate: bool,
    starts_over: bool,
}

const NOTHING: Wish = wants(DataChange::None);
const CHANGE: Wish = wants(DataChange::Changed);
const ROTATE: Wish = Wish {
    rotate: true,
    ..NOTHING
};

const fn wants(data: DataChange) -> Wish {
    Wish {
        data,
        sign_in: None,
        remember: false,
        label: None,
        rotate: false,
        starts_over: false,
    }
}

const fn sign_in(principal: &'static str) -> Wish {
    Wish {
        sign_in: Some(principal),
        ..NOTHING
    }
}

impl Wish {
    const fn remember(self) -> Self {
        Self {
            remember: true,
            ..self
        }
    }
}

/// When it is settled, and by which rules.
#[derive(Debug, Clone, Copy)]
struct Case {
    now: Timestamp,
    rotate_every: Option<Duration>,
    residence: Residence,
    policy_remembers: bool,
}

const PERIOD: Duration = Duration::from_secs(3600);

impl Case {
    fn at(now: Timestamp) -> Self {
        Self::default().then(now)
    }

    fn rotating() -> Self {
        Self {
            rotate_every: Some(PERIOD),
            ..Self::default()
        }
    }

    fn in_process(self) -> Self {
        Self {
            residence: Residence::Process,
            ..self
        }
    }

    fn then(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }
}

impl Default for Case {
    fn default() -> Self {
        Self {
            now: NOW,
            rotate_every: None,
            residence: Residence::Elsewhere,
            policy_remembers: true,
        }
    }
}

/// A settlement in a form that can be compared, and written down as a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Nothing,
    Over,
    End {
        owner: Option<&'static str>,
    },
    Touch {
        last_seen: Timestamp,
        expires: Timestamp,
    },
    Write(Written),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Written {
    expect: Expect,
    id: u8,
    secret: u8,
    /// The newest secret's verifier, by the secret; `None` when it is to be derived from the token's.
    verifier: Option<u8>,
    standing: Standing,
    new_token: bool,
    signs_in: bool,
    principal: Option<&'static str>,
    label: Option<&'static str>,
    created: Timestamp,
    last_seen: Timestamp,
    expires: Timestamp,
    ends: Timestamp,
    lifetime: Lifetime,
    remembered: bool,
    rotated: Timestamp,
    previous: Option<Before>,
    key: Key,
}

/// The secret before the newest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Before {
    secret: u8,
    newest_seen: Option<Timestamp>,
    /// Under which secret the session key is kept for it.
    wrapped: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    None,
    /// This key, as it is wrapped.
    Wrapped(u8),
    /// This key, still to be wrapped under the token's secret.
    ToWrap(u8),
}

/// The session is written, and stays what it is.
const WRITES: Written = Written {
    expect: Expect::Revision(Revision::new(7)),
    id: HELD,
    secret: HELD,
    verifier: Some(HELD),
    standing: Standing::Newest,
    new_token: false,
    signs_in: false,
    principal: None,
    label: None,
    created: BEGAN,
    last_seen: NOW,
    expires: after(NOW, Duration::from_secs(30 * 60)),
    ends: after(BEGAN, Duration::from_secs(24 * 60 * 60)),
    lifetime: STANDARD,
    remembered: false,
    rotated: BEGAN,
    previous: None,
    key: Key::Wrapped(HELD),
};

const ROTATES: Written = Written {
    secret: FRESH,
    verifier: None,
    rotated: NOW,
    new_token: true,
    key: Key::ToWrap(FRESH),
    ..WRITES
};

const SIGNS_IN: Written = Written {
    signs_in: true,
    principal: Some("alice"),
    created: NOW,
    ends: after(NOW, Duration::from_secs(24 * 60 * 60)),
    ..ROTATES
};

/// It keeps its key, which stays wrapped for the secret that was in use until now.
const ROTATES_PERIODICALLY: Written = Written {
    key: Key::ToWrap(HELD),
    previous: Some(Before {
        secret: HELD,
        newest_seen: None,
        wrapped: Some(HELD),
    }),
    ..ROTATES
};

const BEGINS: Written = Written {
    expect: Expect::Absent,
    id: FRESH,
    created: NOW,
    ends: after(NOW, Duration::from_secs(24 * 60 * 60)),
    ..ROTATES
};

const BEFORE: Before = Before {
    secret: EARLIER,
    newest_seen: None,
    wrapped: Some(EARLIER),
};

impl Written {
    const fn of(self, principal: &'static str) -> Self {
        let signs_in = matches!(self.expect, Expect::Absent) || self.signs_in;
        Self {
            principal: Some(principal),
            signs_in,
            ..self
        }
    }

    const fn labelled(self, label: &'static str) -> Self {
        Self {
            label: Some(label),
            ..self
        }
    }

    fn without_key(self) -> Self {
        let previous = self.previous.map(|before| Before {
            wrapped: None,
            ..before
        });
        Self {
            key: Key::None,
            previous,
            ..self
        }
    }
}

fn live() -> Held {
    Held {
        token: Token {
            id: id(HELD),
            secret: Secret::from_bytes(&[HELD; 32]),
        },
        revision: Some(Revision::new(7)),
        principal: None,
        created: BEGAN,
        last_seen: SEEN,
        expires: after(SEEN, STANDARD.idle()),
        label: None,
        lifetime: STANDARD,
        remembered: false,
        ends: after(BEGAN, STANDARD.absolute()),
        rotated: BEGAN,
        verifier: Some(Verifier([HELD; 32])),
        standing: Standing::Newest,
        previous: None,
        recent: Recent::new([HELD; 8], &[]),
        key: Some(SessionKey {
            key: Zeroizing::new([HELD; 32]),
            wrapped: Some(wrapped(HELD)),
        }),
    }
}

fn due_for_rotation() -> Held {
    Held {
        rotated: NOW.saturating_sub(PERIOD),
        ..live()
    }
}

/// The newest secret has not been seen.
fn previous() -> Previous {
    Previous {
        verifier: Verifier([EARLIER; 32]),
        newest_seen: None,
        wrapped: Some(wrapped(EARLIER)),
    }
}

/// The token has the secret before the newest; which the newest is, only its verifier tells.
fn in_grace_with_previous() -> Held {
    Held {
        standing: Standing::Previous,
        verifier: Some(Verifier([NEWEST; 32])),
        rotated: NOW,
        previous: Some(previous().into()),
        ..live()
    }
}

fn fresh() -> Fresh {
    Fresh {
        token: Token {
            id: id(FRESH),
            secret: Secret::from_bytes(&[FRESH; 32]),
        },
        key: Zeroizing::new([FRESH; 32]),
        tag: [FRESH; 8],
        nonce: [FRESH; 16],
    }
}

fn wrapped(under: u8) -> Wrapped {
    Wrapped {
        server_key: KeyId::NONE,
        sealed: [under; Wrapped::LEN],
    }
}

fn id(byte: u8) -> Id {
    Id::from_bytes([byte; 16])
}

fn principal(name: &str) -> Principal {
    Principal::new(name).unwrap()
}

const fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    Timestamp::from_unix_millis(moment.as_unix_millis() + duration.as_millis() as u64)
}

#[track_caller]
fn check(held: Option<Held>, wish: Wish, case: Case, expected: Does) {
    let held = held.map(|held| as_kept(held, case.residence));
    let settled = decide(held.as_ref(), wish, case, Some(&fresh()));
    let shown = match &settled {
        Settlement::Write(plan) => {
            let drawn = decide(held.as_ref(), wish, case, None);
            assert!(matches!(drawn, Settlement::Draw), "a write takes randomness");
            assert_eq!(plan.nonce, fresh().nonce);
            assert!(plan.next.recent.contains(fresh().tag));
            Does::Write(written(plan))
        }
        Settlement::Nothing => Does::Nothing,
        Settlement::Draw => panic!("it was given randomness"),
        Settlement::Over => Does::Over,
        Settlement::End { id: ended, owner } => {
            assert_eq!(*ended, id(HELD));
            let owner = owner.as_ref().map(|owner| name(owner.as_str()));
            Does::End { owner }
        }
        Settlement::Touch { last_seen, expires } => Does::Touch {
            last_seen: *last_seen,
            expires: *expires,
        },
    };
    assert_eq!(shown, expected);
    if !matches!(settled, Settlement::Write(_)) {
        let undrawn = format!("{:?}", decide(held.as_ref(), wish, case, None));
        assert_eq!(undrawn, format!("{settled:?}"), "only a write takes randomness");
    }
}

/// In the memory of this process nothing is sealed.
fn as_kept(held: Held, residence: Residence) -> Held {
    match residence {
        Residence::Elsewhere => held,
        Residence::Process => Held {
            key: None,
            previous: held.previous.map(|mut previous| {
                previous.wrapped = None;
                previous
            }),
            ..held
        },
    }
}

fn decide(held: Option<&Held>, wish: Wish, case: Case, fresh: Option<&Fresh>) -> Settlement {
    let policy = Policy::default()
        .lifetime(STANDARD)
        .remembered(case.policy_remembers.then_some(REMEMBERED));
    let sign_in = wish.sign_in.map(|name| CheckedSignIn {
        principal: principal(name),
        remember: wish.remember,
        label: wish.label.map(Label::new),
        authentication: Vec::new(),
    });
    let wanted = Wanted {
        data: wish.data,
        sign_in: sign_in.as_ref(),
        rotate: wish.rotate,
        starts_over: wish.starts_over,
    };
    let rules = Rules {
        policy: &policy,
        rotate_every: case.rotate_every,
        residence: case.residence,
        window: WINDOW,
    };
    settle(held, &wanted, &rules, case.now, fresh)
}

fn written(plan: &Plan) -> Written {
    let next = &plan.next;
    let label = next.label.as_ref().map(|label| name(label.as_str()));
    Written {
        expect: plan.expect,
        id: next.token.id.as_bytes()[0],
        secret: next.token.secret.as_bytes()[0],
        verifier: next.verifier.map(|verifier| verifier.0[0]),
        standing: next.standing,
        new_token: plan.new_token,
        signs_in: plan.signs_in,
        principal: next.principal.as_ref().map(|principal| name(principal.as_str())),
        label,
        created: next.created,
        last_seen: next.last_seen,
        expires: next.expires,
        ends: next.ends,
        lifetime: next.lifetime,
        remembered: next.remembered,
        rotated: next.rotated,
        previous: next.previous.as_ref().map(|previous| Before {
            secret: previous.verifier.0[0],
            newest_seen: previous.newest_seen,
            wrapped: previous.wrapped.map(|wrapped| wrapped.sealed[0]),
        }),
        key: match &next.key {
            None => Key::None,
            Some(SessionKey { key, wrapped: None }) => Key::ToWrap(key[0]),
            Some(SessionKey {
                key,
                wrapped: Some(_),
            }) => Key::Wrapped(key[0]),
        },
    }
}

/// The names that occur in these cases, so that what is settled can be compared with constants.
fn name(text: &str) -> &'static str {
    ["alice", "bob", "old", "new"]
        .into_iter()
        .find(|name| *name == text)
        .expect("no other name occurs")
}
