//! A connection that outlives its request: it ends when its session does, and not when the store is down.

use std::time::Duration;

use cloakroom::stores::Memory;
use cloakroom::testing::ManualClock;
use cloakroom::{Guard, Lifetime, Outcome, Policy, Revocations, Session, Sessions};
use tokio::time::Instant;

use crate::failing::{Failing, Fault};
use crate::strategies::{in_memory, keys};

/// A session that is signed in, as its connection has it, and as another request of its browser would.
pub(crate) async fn connected(sessions: &Sessions) -> (Session, String) {
    let session = sessions.open(std::iter::empty()).await.unwrap();
    session.sign_in("alice").unwrap();
    let finished = sessions.finish(&session, Outcome::Success).await;
    let line = finished.set_cookie.unwrap();
    let pair = line.split(';').next().unwrap().to_owned();
    (session, pair)
}

/// Waits for the end, and not for ever: the clock of these tests runs as fast as it can.
pub(crate) async fn ends(guard: &mut Guard) {
    let day = Duration::from_secs(24 * 3600);
    tokio::time::timeout(day, guard.over()).await.expect("it ends");
}

pub(crate) async fn again(sessions: &Sessions, cookie: &str) -> Session {
    sessions.open(std::iter::once(cookie.as_bytes())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_ends_within_five_seconds_of_a_sign_out_elsewhere() {
    in_memory(async |sessions, _| {
        let (session, cookie) = connected(&sessions).await;
        let mut guard = session.guard();
        let whole = Duration::from_secs(3600);
        assert!(
            tokio::time::timeout(whole, guard.over()).await.is_err(),
            "it goes on"
        );

        again(&sessions, &cookie).await.sign_out().await.unwrap();
        let began = Instant::now();
        ends(&mut guard).await;
        assert!(began.elapsed() <= Duration::from_secs(5), "{:?}", began.elapsed());
        // And says so from then on.
        ends(&mut guard).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_session_does_however_that_is() {
    in_memory(async |sessions, clock| {
        let lifetime = Lifetime::new(Duration::from_secs(60), Duration::from_secs(600)).unwrap();
        let sessions = sessions.policy(Policy::default().lifetime(lifetime));
        for ending in ["everywhere", "signs in again", "rotated", "everyone", "idle"] {
            let (session, cookie) = connected(&sessions).await;
            let mut guard = session.guard().every(Duration::from_secs(1));
            let other = again(&sessions, &cookie).await;
            match ending {
                "everywhere" => drop(other.sign_out_everywhere().await.unwrap()),
                "signs in again" => other.sign_in("alice").unwrap(),
                "rotated" => other.rotate().unwrap(),
                "everyone" => drop(sessions.end_everyone().await.unwrap()),
                // A connection is no use of the session.
                _ => clock.advance(Duration::from_secs(61)),
            }
            drop(sessions.finish(&other, Outcome::Success).await.result);
            let over = tokio::time::timeout(Duration::from_secs(2), guard.over()).await;
            assert!(over.is_ok(), "{ending}");
            clock.advance(Duration::from_secs(1));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_where_it_was_when_it_is_called_again() {
    let sessions = Sessions::new(Memory::default());
    let (session, cookie) = connected(&sessions).await;
    again(&sessions, &cookie).await.sign_out().await.unwrap();
    let mut guard = session.guard();
    let began = Instant::now();
    // A message comes each second: that must not put off the question for ever.
    loop {
        tokio::select! {
            () = guard.over() => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        assert!(began.elapsed() < Duration::from_secs(60));
    }
    assert!(began.elapsed() <= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn without_a_session_there_is_nothing_to_guard() {
    let sessions = Sessions::new(Memory::default());
    let session = sessions.open(std::iter::empty()).await.unwrap();
    let began = Instant::now();
    session.guard().over().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_ends_no_connection() {
    let store = Failing::default();
    let sessions = Sessions::new(store.clone());
    let (session, cookie) = connected(&sessions).await;
    let mut guard = session.guard();
    store.has(Fault::IsDown);
    let whole = Duration::from_secs(600);
    assert!(
        tokio::time::timeout(whole, guard.over()).await.is_err(),
        "it goes on"
    );
    store.has(Fault::None);
    assert!(tokio::time::timeout(whole, guard.over()).await.is_err(), "and on");
    again(&sessions, &cookie).await.sign_out().await.unwrap();
    ends(&mut guard).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_down_it_ends_with_the_absolute_timeout() {
    let (store, clock) = (Failing::default(), ManualClock::default());
    let lifetime = Lifetime::new(Duration::from_secs(60), Duration::from_secs(600)).unwrap();
    let policy = Policy::default().lifetime(lifetime);
    let sessions = Sessions::new(store.clone()).policy(policy).clock(&clock);
    let (session, _) = connected(&sessions).await;
    let mut guard = session.guard();
    store.has(Fault::IsDown);
    let while_it_lasts = Duration::from_secs(100);
    assert!(tokio::time::timeout(while_it_lasts, guard.over()).await.is_err());
    // Another node may have seen it since: nobody here knows that it is idle.
    clock.advance(Duration::from_secs(599));
    let rest = Duration::from_millis(999);
    assert!(tokio::time::timeout(rest, guard.over()).await.is_err());
    clock.advance(Duration::from_secs(1));
    let over = tokio::time::timeout(while_it_lasts, guard.over());
    assert!(over.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_no_question_to_end_with_the_absolute_timeout() {
    let (store, clock) = (Failing::default(), ManualClock::default());
    let absolute = Duration::from_secs(600);
    let lifetime = Lifetime::new(Duration::from_secs(60), absolute).unwrap();
    let policy = Policy::default().lifetime(lifetime);
    let sessions = Sessions::new(store.clone()).policy(policy).clock(&clock);
    let (session, _) = connected(&sessions).await;
    let mut guard = session.guard().every(Duration::MAX);
    let began = Instant::now();
    let time_passes = async {
        tokio::time::sleep(Duration::from_secs(599)).await;
        clock.advance(absolute);
    };
    let over = tokio::time::timeout(2 * absolute, guard.over());
    let (over, ()) = tokio::join!(over, time_passes);
    assert!(over.is_ok());
    assert_eq!(began.elapsed(), absolute);
    assert_eq!(store.loads(), 0);
}

#[tokio::test(start_paused = true)]
async fn past_the_bound_a_sealed_session_ends_unless_one_says_otherwise() {
    for accepts in [false, true] {
        let (marks, clock) = (Failing::default(), ManualClock::default());
        let mut revocations =
            Revocations::danger_in_memory(marks.clone()).refresh_within(Duration::from_secs(12));
        if accepts {
            revocations = revocations.danger_accept_when_unknown();
        }
        let sessions = Sessions::sealed(keys(), revocations).clock(&clock);
        let (session, _) = connected(&sessions).await;
        let mut guard = session.guard();
        let answered = Duration::from_secs(6);
        assert!(tokio::time::timeout(answered, guard.over()).await.is_err());
        marks.has(Fault::IsDown);
        // What was known after 5 seconds is believed for 12.
        let within = Duration::from_secs(10);
        assert!(tokio::time::timeout(within, guard.over()).await.is_err());
        let past = tokio::time::timeout(within, guard.over()).await;
        assert_eq!(past.is_err(), accepts);
    }
}

#[tokio::test(start_paused = true)]
async fn however_often_it_is_to_ask_it_asks_ten_times_a_second_at_most() {
    let store = Failing::default();
    let sessions = Sessions::new(store.clone());
    let (session, cookie) = connected(&sessions).await;
    let mut guard = session.guard().every(Duration::ZERO);
    store.has(Fault::TakesItsTime);
    store.loads();
    let minute = Duration::from_secs(60);
    assert!(tokio::time::timeout(minute, guard.over()).await.is_err());
    let asked = store.loads();
    assert!((500..=600).contains(&asked), "{asked} times");
    again(&sessions, &cookie).await.sign_out().await.unwrap();
    ends(&mut guard).await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_after_a_periodic_rotation_and_is_not_taken_for_a_thief() {
    let clock = ManualClock::default();
    let policy = Policy::default()
        .rotate_every(Some(Duration::from_secs(60)))
        .unwrap();
    let sessions = Sessions::new(Memory::default()).policy(policy).clock(&clock);
    let (session, cookie) = connected(&sessions).await;
    let mut guard = session.guard();
    let question = Duration::from_secs(6);
    clock.advance(Duration::from_secs(61));
    let rotating = again(&sessions, &cookie).await;
    let line = sessions.finish(&rotating, Outcome::Success).await.set_cookie;
    let line = line.expect("it has another token");
    let next = line.split(';').next().unwrap();
    let seen = again(&sessions, next).await;
    sessions.finish(&seen, Outcome::Success).await.result.unwrap();
    assert!(tokio::time::timeout(question, guard.over()).await.is_err());

    clock.advance(Duration::from_secs(11));
    assert!(tokio::time::timeout(question, guard.over()).await.is_ok());
    assert!(again(&sessions, next).await.principal().is_some(), "it goes on");
}
