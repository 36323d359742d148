//! What counts against what, and for how long.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use cloakroom::store::{Counters, Namespace, Sweep, Swept, Timestamp};
use cloakroom::stores::Memory;
use cloakroom::testing::ManualClock;
use cloakroom::{
    Attempts, Cookie, Error, ErrorKind, Happened, Heard, KeyRing, ServerKey, Sessions, Subscription,
    Throttled,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::watched::{Fault, Watched};

const WINDOW: Duration = Duration::from_secs(900);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Attempts with these limits per address and per principal, and the clock they go by.
fn attempts(store: impl Counters, per_address: u32, per_principal: u32) -> (Attempts, ManualClock) {
    let clock = ManualClock::default();
    let sessions = Sessions::new(Memory::default()).clock(&clock);
    (limited(&sessions, store, per_address, per_principal), clock)
}

fn limited(sessions: &Sessions, store: impl Counters, per_address: u32, per_principal: u32) -> Attempts {
    let attempts = sessions.attempts(store).per_address(per_address, WINDOW);
    attempts.unwrap().per_principal(per_principal, WINDOW).unwrap()
}

/// How many of so many attempts may go on. None of them succeeds.
async fn go_on(attempts: &Attempts, who: &str, from: &str, times: usize) -> usize {
    let mut went_on = 0;
    for _ in 0..times {
        match attempts.begin(who, ip(from)).await {
            Ok(_wrong_password) => went_on += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::TooManyAttempts, "{error}"),
        }
    }
    went_on
}

async fn refused(attempts: &Attempts, who: &str, from: &str) -> Error {
    attempts.begin(who, ip(from)).await.expect_err("it is refused")
}

#[tokio::test]
async fn an_address_may_try_so_often_whomever_it_tries() {
    let (attempts, _) = attempts(Memory::default(), 5, 100);
    let mut went_on = 0;
    for n in 0..20 {
        went_on += go_on(&attempts, &format!("user{n}"), "203.0.113.7", 1).await;
    }
    assert_eq!(went_on, 5);
    assert_eq!(go_on(&attempts, "user1", "203.0.113.8", 1).await, 1);
    // A home has all of a /56, and one of IPv4 however it is written.
    assert_eq!(go_on(&attempts, "a", "2001:db8::1", 3).await, 3);
    assert_eq!(go_on(&attempts, "b", "2001:db8:0:ff::2", 9).await, 2);
    assert_eq!(go_on(&attempts, "c", "2001:db8:0:100::1", 1).await, 1);
    assert_eq!(go_on(&attempts, "d", "::ffff:203.0.113.7", 1).await, 0);
}

#[tokio::test]
async fn a_principal_may_be_tried_so_often_from_wherever() {
    let (attempts, _) = attempts(Memory::default(), 100, 5);
    let mut went_on = 0;
    for n in 0..20 {
        went_on += go_on(&attempts, "alice", &format!("203.0.113.{n}"), 1).await;
    }
    assert_eq!(went_on, 5);
    for spelled in ["ALICE", " alice ", "Alice\n", "al\u{131}ce"] {
        assert_eq!(
            go_on(&attempts, spelled, "203.0.113.99", 1).await,
            0,
            "{spelled:?}"
        );
    }
    assert_eq!(go_on(&attempts, "bob", "203.0.113.1", 1).await, 1);
}

#[tokio::test]
async fn one_address_spends_no_more_than_its_own_limit_of_a_principals() {
    let (attempts, _) = attempts(Memory::default(), 3, 10);
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 500).await, 3);
    // Seven are left for others.
    let mut went_on = 0;
    for n in 10..30 {
        went_on += go_on(&attempts, "alice", &format!("203.0.113.{n}"), 1).await;
    }
    assert_eq!(went_on, 7);
}

#[tokio::test]
async fn one_that_is_refused_at_its_principal_counts_at_its_address() {
    let (attempts, _) = attempts(Memory::default(), 10, 3);
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 10).await, 3);
    assert_eq!(go_on(&attempts, "bob", "203.0.113.7", 1).await, 0);
}

#[tokio::test]
async fn who_succeeds_is_not_counted_and_who_is_dropped_is() {
    let (attempts, _) = attempts(Memory::default(), 3, 3);
    for _ in 0..20 {
        let attempt = attempts.begin("alice", ip("203.0.113.7")).await.unwrap();
        attempt.succeeded().await;
    }
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 2).await, 2);
    let attempt = attempts.begin("alice", ip("203.0.113.7")).await.unwrap();
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 1).await, 0);
    drop(attempt);
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 1).await, 0);
}

/// An office in the morning: more at once than the limit is, and each with the right password.
#[tokio::test]
async fn who_was_right_does_not_keep_out_who_comes_after() {
    for (per_address, per_principal) in [(5, 100), (100, 5)] {
        let (attempts, _) = attempts(Memory::default(), per_address, per_principal);
        let mut under_way = Vec::new();
        let mut refused = 0;
        for _ in 0..40 {
            match attempts.begin("alice", ip("203.0.113.7")).await {
                Ok(attempt) => under_way.push(attempt),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TooManyAttempts, "{error}");
                    refused += 1;
                }
            }
        }
        assert_eq!((under_way.len(), refused), (5, 35));
        for attempt in under_way {
            attempt.succeeded().await;
        }
        assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 10).await, 5);
    }
}

/// One after the other, so that each refusal is the only one at its moment.
#[tokio::test]
async fn nor_do_refusals_that_alternate_with_who_was_right() {
    for (per_address, per_principal) in [(2, 100), (100, 2)] {
        let (attempts, _) = attempts(Memory::default(), per_address, per_principal);
        let begin = async || attempts.begin("alice", ip("203.0.113.7")).await;
        let mut under_way = (begin().await.unwrap(), begin().await.unwrap());
        for _ in 0..10 {
            assert!(begin().await.is_err(), "there is no room");
            let (first, second) = under_way;
            first.succeeded().await;
            under_way = (second, begin().await.unwrap());
        }
        under_way.0.succeeded().await;
        under_way.1.succeeded().await;
        assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 10).await, 2);
    }
}

/// Somebody who has an account signs in to it again and again, and guesses at another meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_back_of_what_was_wrong() {
    let (attempts, _) = attempts(Memory::default(), 5, 100);
    let mut guessing = JoinSet::new();
    for _ in 0..8 {
        let attempts = attempts.clone();
        guessing.spawn(async move {
            let mut wrong = 0;
            for _ in 0..50 {
                let right = attempts.begin("mallory", ip("203.0.113.7")).await;
                wrong += go_on(&attempts, "alice", "203.0.113.7", 1).await;
                if let Ok(right) = right {
                    right.succeeded().await;
                }
            }
            wrong
        });
    }
    let wrong: usize = guessing.join_all().await.into_iter().sum();
    // Those who were refused while others were under way have left their room to be used.
    let wrong = wrong + go_on(&attempts, "alice", "203.0.113.7", 10).await;
    assert_eq!(wrong, 5, "so many wrong ones go on, and no more");
}

/// Hanging up in the middle is no way to try for nothing.
#[tokio::test]
async fn an_attempt_that_is_dropped_between_two_counts_has_counted_at_its_address() {
    let store = Watched::default();
    let (attempts, _) = attempts(store.clone(), 3, 100);
    store.has(Some(Fault::NeverAnswersFromTheSecondOn));
    for _ in 0..3 {
        store.asked();
        let begun = timeout(Duration::ZERO, attempts.begin("alice", ip("203.0.113.7"))).await;
        assert!(begun.is_err(), "it hangs at the principal");
    }
    store.has(None);
    assert_eq!(go_on(&attempts, "bob", "203.0.113.7", 1).await, 0);
}

#[tokio::test]
async fn a_window_ends_whatever_was_tried_meanwhile() {
    let (attempts, clock) = attempts(Memory::default(), 2, 100);
    let begun = clock.now();
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 3).await, 2);
    let wait = refused(&attempts, "alice", "203.0.113.7").await.retry_after();
    let wait = Duration::from_secs(wait.unwrap().into());
    assert!((Duration::from_secs(1)..=WINDOW).contains(&wait), "{wait:?}");
    // Whoever asks on and on does not wait longer for it.
    let mut last = wait;
    while clock.now().since(begun) + Duration::from_secs(1) < wait {
        clock.advance(Duration::from_secs(1));
        let error = refused(&attempts, "alice", "203.0.113.7").await;
        let left = Duration::from_secs(error.retry_after().unwrap().into());
        assert!(left < last, "{left:?} after {last:?}");
        last = left;
    }
    clock.advance(Duration::from_secs(1));
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 3).await, 2);
    clock.advance(WINDOW);
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 3).await, 2);
}

#[tokio::test]
async fn a_limit_that_was_not_asked_for_costs_nothing() {
    let store = Watched::default();
    let sessions = Sessions::new(Memory::default());
    let none = sessions.attempts(store.clone());
    assert_eq!(go_on(&none, "alice", "203.0.113.7", 50).await, 50);
    assert!(store.asked().is_empty());
    let one = sessions.attempts(store.clone()).per_principal(1, WINDOW).unwrap();
    assert_eq!(go_on(&one, "alice", "203.0.113.7", 1).await, 1);
    assert_eq!(store.asked().len(), 1);
}

#[tokio::test]
async fn an_attempt_asks_once_for_each_limit() {
    let store = Watched::default();
    let (attempts, _) = attempts(store.clone(), 1, 5);
    let attempt = attempts.begin("alice", ip("203.0.113.7")).await.unwrap();
    let asked = store.asked();
    assert!(asked.len() == 2 && asked.iter().all(|verb| verb.starts_with("add")));
    attempt.succeeded().await;
    let taken = store.asked();
    assert!(taken.len() == 2 && taken.iter().all(|verb| verb.starts_with("take_back")));
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 1).await, 1);
    store.asked();
    // Refused at the address, the principal is not asked for: it is taken back, and the refusal is counted apart.
    refused(&attempts, "alice", "203.0.113.7").await;
    let asked = store.asked();
    let verbs: Vec<_> = asked.iter().filter_map(|asked| asked.split(' ').next()).collect();
    assert_eq!(verbs, ["add", "take_back", "add"]);
}

#[tokio::test]
async fn no_store_and_no_error_has_what_was_typed() {
    let store = Watched::default();
    let (attempts, _) = attempts(store.clone(), 5, 1);
    let typed = "correct horse battery staple";
    let attempt = attempts.begin(typed, ip("203.0.113.7")).await.unwrap();
    let error = refused(&attempts, typed, "203.0.113.7").await;
    for said in [
        format!("{:?}", store.asked()),
        format!("{attempt:?} {attempts:?} {error:?} {error}"),
    ] {
        assert!(!said.contains("horse") && !said.contains("203.0.113"), "{said}");
    }
    store.has(Some(Fault::IsDown));
    let error = refused(&attempts, typed, "203.0.113.7").await;
    assert!(!format!("{error:?} {error}").contains("horse"));
}

#[tokio::test]
async fn a_store_that_is_down_refuses_everybody() {
    let store = Watched::default();
    let (attempts, _) = attempts(store.clone(), 5, 5);
    for fault in [Fault::IsDown, Fault::IsDownFromTheSecondOn] {
        store.asked();
        store.has(Some(fault));
        let error = refused(&attempts, "alice", "203.0.113.7").await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.retry_after(), Some(5));
    }
    store.has(None);
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 1).await, 1);
}

#[tokio::test]
async fn a_store_that_is_down_lets_everybody_in_where_that_was_asked_for() {
    let store = Watched::default();
    let (attempts, _) = attempts(store.clone(), 5, 5);
    let attempts = attempts.danger_let_in_when_unknown();
    for fault in [Fault::IsDown, Fault::IsDownFromTheSecondOn] {
        store.asked();
        store.has(Some(fault));
        assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 1).await, 1);
    }
    // What is known is not let in.
    store.has(None);
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 20).await, 4);
}

/// In a cluster one server is away, and the other knows that it is too much.
#[tokio::test]
async fn what_one_of_two_knows_is_refused_though_everybody_else_is_let_in() {
    let store = Watched::default();
    let (attempts, _) = attempts(store.clone(), 100, 5);
    let attempts = attempts.danger_let_in_when_unknown();
    store.has(Some(Fault::IsDownForTheFirst));
    let mut went_on = 0;
    for _ in 0..20 {
        store.asked();
        went_on += go_on(&attempts, "alice", "203.0.113.7", 1).await;
    }
    assert_eq!(went_on, 5);
}

#[tokio::test]
async fn what_can_be_taken_back_is_though_the_rest_cannot() {
    let store = Watched::default();
    let (attempts, _) = attempts(store.clone(), 100, 2);
    for _ in 0..4 {
        let attempt = attempts.begin("alice", ip("203.0.113.7")).await.unwrap();
        store.asked();
        // Of two servers the one with the counter of the address is down.
        store.has(Some(Fault::IsDownForTheFirst));
        attempt.succeeded().await;
        assert_eq!(store.asked().len(), 2);
        store.has(None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_waited_for_once() {
    let store = Watched::default();
    let sessions = Sessions::new(Memory::default()).store_timeout(Duration::from_millis(300));
    let attempts = limited(&sessions, store.clone(), 5, 5);
    let attempt = attempts.begin("alice", ip("203.0.113.7")).await.unwrap();
    store.has(Some(Fault::NeverAnswers));
    let bound = Duration::from_millis(400);
    let begun = timeout(bound, attempts.begin("alice", ip("203.0.113.7"))).await;
    assert_eq!(begun.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    // Who has shown who they are is not refused for that.
    timeout(bound, attempt.succeeded()).await.unwrap();
    // Nor does it change what is known, when what was refused cannot be taken back.
    store.has(None);
    go_on(&attempts, "alice", "203.0.113.7", 5).await;
    store.asked();
    store.has(Some(Fault::NeverAnswersFromTheSecondOn));
    let begun = timeout(bound, attempts.begin("alice", ip("203.0.113.7"))).await;
    assert_eq!(begun.unwrap().unwrap_err().kind(), ErrorKind::TooManyAttempts);
}

#[tokio::test]
async fn what_is_attempted_is_counted_by_itself() {
    let store = Memory::default();
    let (attempts, _) = attempts(store.clone(), 2, 2);
    assert_eq!(go_on(&attempts, "alice", "203.0.113.7", 3).await, 2);
    let signing_up = attempts.clone().at("signing up");
    assert_eq!(go_on(&signing_up, "alice", "203.0.113.7", 3).await, 2);
    let other = Sessions::new(Memory::default()).application("other").unwrap();
    let other = limited(&other.clock(&ManualClock::default()), store.clone(), 2, 2);
    assert_eq!(go_on(&other, "alice", "203.0.113.7", 3).await, 2);
    // Another node of the same counts together with the first.
    let (node, _) = self::attempts(store, 2, 2);
    assert_eq!(go_on(&node, "alice", "203.0.113.7", 1).await, 0);
}

#[test]
fn a_limit_that_makes_no_sense_is_refused_by_its_name() {
    let sessions = Sessions::new(Memory::default());
    let attempts = || sessions.attempts(Memory::default());
    for (made, says) in [
        (attempts().per_address(0, WINDOW), "0 attempts per address"),
        (attempts().per_principal(0, WINDOW), "0 attempts per principal"),
        (
            attempts().per_address(1, Duration::ZERO),
            "window of attempts per address",
        ),
        (
            attempts().per_principal(1, Duration::MAX),
            "window of attempts per principal",
        ),
    ] {
        let error = made.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// What was refused of attempts, as far as it is told now.
async fn told(events: &mut Subscription) -> Vec<(Throttled, IpAddr)> {
    let mut all = Vec::new();
    while let Ok(Some(Heard::Event(event))) = timeout(Duration::ZERO, events.next()).await {
        let Happened::AttemptsRefused { by, address } = event.what else {
            panic!("{event:?}");
        };
        assert_eq!((event.session, event.principal), (None, None));
        all.push((by, address));
    }
    all
}

#[tokio::test]
async fn the_first_refusal_in_a_window_is_told_and_no_other() {
    let clock = ManualClock::default();
    let sessions = Sessions::new(Memory::default()).clock(&clock);
    let mut events = sessions.subscribe();
    let store = Memory::default();
    let attempts = limited(&sessions, store, 5, 8);
    let (one, two) = (ip("203.0.113.7"), ip("203.0.113.8"));
    go_on(&attempts, "alice", "203.0.113.7", 50).await;
    assert_eq!(told(&mut events).await, [(Throttled::Address, one)]);
    go_on(&attempts, "alice", "203.0.113.8", 50).await;
    let both = [(Throttled::Principal, two), (Throttled::Address, two)];
    assert_eq!(told(&mut events).await, both);
    clock.advance(WINDOW);
    go_on(&attempts, "alice", "203.0.113.7", 50).await;
    assert_eq!(told(&mut events).await, [(Throttled::Address, one)]);
}

#[tokio::test(start_paused = true)]
async fn a_sweeper_forgets_what_is_over() {
    let clock = ManualClock::default();
    let store = Memory::default();
    let sessions = Sessions::new(store.clone()).clock(&clock);
    let attempts = limited(&sessions, store.clone(), 5, 5);
    for n in 0..30 {
        go_on(&attempts, &n.to_string(), "203.0.113.7", 1).await;
    }
    clock.advance(WINDOW + Duration::from_secs(599));
    go_on(&attempts, "alice", "203.0.113.8", 1).await;
    clock.advance(Duration::from_secs(1));
    let one = NonZeroUsize::MIN;
    let sweeper = sessions
        .sweeper()
        .attempts(&attempts)
        .batch(one)
        .every(Duration::from_secs(1))
        .start();
    // A round, whose end nobody is told: time stands but for this.
    tokio::time::sleep(Duration::from_secs(5)).await;
    sweeper.stop().await;
    let namespace = Namespace::new(sessions.namespace().as_str()).unwrap();
    let all = |before| Sweep::new(namespace.clone(), before, 100.try_into().unwrap());
    let now = clock.now();
    assert_eq!(
        store.forget(all(now)).await.unwrap(),
        Swept::new(0, false),
        "all that was over is gone"
    );
    // Those of another cookie are counted apart, and forgotten where the sweeper is told of them, as well as these.
    let cookie = Cookie::builder("other").build().unwrap();
    let others = Sessions::new(Memory::default()).cookie(cookie).clock(&clock);
    let of_others = limited(&others, store.clone(), 5, 5);
    go_on(&attempts, "bob", "203.0.113.8", 1).await;
    go_on(&of_others, "bob", "203.0.113.8", 1).await;
    clock.advance(WINDOW + Duration::from_secs(600));
    let sweeper = sessions.sweeper().attempts(&of_others).attempts(&attempts);
    sweeper.sweep().await.unwrap();
    for sessions in [&sessions, &others] {
        let namespace = Namespace::new(sessions.namespace().as_str()).unwrap();
        let over = Sweep::new(namespace, clock.now(), 100.try_into().unwrap());
        assert_eq!(store.forget(over).await.unwrap().removed, 0);
    }
    // Also where there are no sessions to sweep, since they are in their cookies.
    go_on(&of_others, "bob", "203.0.113.8", 1).await;
    clock.advance(WINDOW + Duration::from_secs(600));
    let keys = KeyRing::new(ServerKey::generate().unwrap());
    let sealed = Sessions::danger_sealed_without_revocation(keys).clock(&clock);
    sealed.sweeper().attempts(&of_others).sweep().await.unwrap();
    let namespace = Namespace::new(others.namespace().as_str()).unwrap();
    let over = Sweep::new(namespace, clock.now(), 100.try_into().unwrap());
    assert_eq!(store.forget(over).await.unwrap().removed, 0);
    // By hand it is the same.
    clock.advance(WINDOW + Duration::from_secs(600));
    go_on(&attempts, "alice", "203.0.113.8", 1).await;
    sessions.sweeper().attempts(&attempts).sweep().await.unwrap();
    let left = store.forget(all(Timestamp::MAX)).await.unwrap();
    assert_eq!(left.removed, 2, "and what goes on is there");
}
