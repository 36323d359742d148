//! The limit of the memory store: exact, and at nobody's cost who is signed in.

#![cfg(feature = "memory")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

use std::future::Future;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;

use cloakroom::stores::memory::{Limit, Memory};
use cloakroom_store::{
    Cap, Count, Delete, Deleted, Error, ErrorKind, Expect, Id, Label, Load, Namespace, Owner, Principal,
    Query, Record, Revision, Revoke, Scope, Store, Stored, Sweep, Timestamp, Touch, Touched, Write, Written,
};

/// How many writes race.
const RACERS: usize = 100;

#[test]
fn racing_sign_ins_fill_the_store_exactly() {
    for limit in [Limit::Sessions(40), Limit::Bytes(40 * cost_of(&alices()))] {
        let store = Memory::with_limit(limit);
        let answers = race(|n| create(&store, n, alices()));
        let applied = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(applied, 40, "{limit:?}");
        let stats = store.stats();
        assert_eq!(
            (stats.sessions, stats.refused, stats.evicted),
            (40, 60, 0),
            "{limit:?}"
        );
        assert_eq!(kept(&store, 0..RACERS).len(), 40, "{limit:?}");
    }
}

#[test]
fn racing_visitors_are_never_refused_and_never_too_many() {
    for limit in [Limit::Sessions(7), Limit::Bytes(7 * cost_of(&nobodys()))] {
        for _ in 0..20 {
            let store = Memory::with_limit(limit);
            for answer in race(|n| create(&store, n, nobodys())) {
                answer.expect("there is always another visitor's session to drop");
            }
            let stats = store.stats();
            assert_eq!(
                (stats.sessions, stats.refused, stats.evicted),
                (7, 0, 93),
                "{limit:?}"
            );
            assert_eq!(kept(&store, 0..RACERS).len(), 7, "{limit:?}");
        }
    }
}

#[test]
fn racing_writes_of_all_kinds_keep_the_count_and_the_limit() {
    let bytes = 20 * cost_of(&alices());
    let store = Memory::with_limit(Limit::Bytes(bytes));
    for round in 0..10 {
        let signed_in = race(|n| {
            let n = round * RACERS + n;
            let first = create(&store, n, if n.is_multiple_of(3) { alices() } else { nobodys() }).ok()?;
            assert!(store.stats().bytes <= bytes);
            if n.is_multiple_of(5) {
                return None; // stays as it is: of nobody, mostly, and so perhaps not for long
            }
            // Refused, or evicted meanwhile, is as good.
            rewrite(&store, n, first, grown(n % 200)).ok()?;
            assert!(store.stats().bytes <= bytes);
            if n.is_multiple_of(4) {
                assert_eq!(end(&store, n), Deleted::Ended);
                return None;
            }
            Some(n)
        });
        let left = kept(&store, 0..(round + 1) * RACERS);
        for n in signed_in.into_iter().flatten() {
            assert!(left.contains(&n), "a signed-in session was dropped");
        }
        let costs = left.iter().filter_map(|n| load(&store, *n));
        let costs: u64 = costs.map(|stored| cost_of(&stored.record)).sum();
        let stats = store.stats();
        assert_eq!((stats.sessions, stats.bytes), (left.len() as u64, costs));
        let query = Query::default().principal(principal("alice"));
        let indexed = ready(store.count(Count::new(namespace(), query))).expect("a count");
        let signed_in = left.iter().filter_map(|n| load(&store, *n)?.record.principal);
        assert_eq!(indexed, signed_in.count() as u64);
        if round % 5 == 4 {
            let begun_before = Timestamp::MAX;
            let everyone = Revoke::new(namespace(), Scope::Everyone { begun_before });
            ready(store.revoke(everyone)).expect("a revocation");
            assert_eq!((store.stats().sessions, store.stats().bytes), (0, 0));
        }
    }
    assert!(store.stats().refused > 0);
}

#[test]
fn anonymous_sessions_go_first_and_signed_in_ones_never() {
    let store = Memory::with_limit(Limit::Sessions(10));
    for n in 0..5 {
        create(&store, n, nobodys()).expect("room");
    }
    for n in 5..15 {
        create(&store, n, alices()).expect("room, or a visitor's");
    }
    assert_eq!(store.stats().evicted, 5);
    assert_eq!(kept(&store, 0..15), (5..15).collect::<Vec<_>>());
    for record in [nobodys(), alices()] {
        let answer = create(&store, 15, record).map_err(|error| error.kind());
        assert_eq!(answer, Err(ErrorKind::Full));
    }
    let stats = store.stats();
    assert_eq!((stats.sessions, stats.evicted, stats.refused), (10, 5, 2));
    assert_eq!(kept(&store, 0..16), (5..15).collect::<Vec<_>>());
}

#[test]
fn what_expires_first_goes_first() {
    let store = Memory::with_limit(Limit::Sessions(4));
    let mut revisions = Vec::new();
    for (n, expires) in [30, 10, 40, 20].into_iter().enumerate() {
        let record = Record::new(at(0), at(expires * 1000), *b"nobody's");
        revisions.push(create(&store, n, record).expect("room"));
    }
    // What was the nearest is seen again, and then is the farthest.
    let touch = Touch::new(namespace(), id(1), revisions[1], at(5), at(50_000));
    let touched = ready(store.touch(touch)).expect("a touch");
    assert_eq!(touched, Touched::Applied(revisions[1]));
    for (n, left) in [
        (4, vec![0, 1, 2, 4]),
        (5, vec![1, 2, 4, 5]),
        (6, vec![1, 4, 5, 6]),
    ] {
        create(&store, n, Record::new(at(0), at(100_000), *b"nobody's")).expect("room is made");
        assert_eq!(kept(&store, 0..7), left);
    }
}

#[test]
fn visitors_of_another_application_go_as_well() {
    let store = Memory::with_limit(Limit::Sessions(2));
    let other = Namespace::new("other").expect("a valid name");
    let write = Write::new(other.clone(), id(0), Expect::Absent, nobodys());
    ready(store.write(write)).expect("room");
    for n in 1..3 {
        create(&store, n, alices()).expect("room is made");
    }
    let load = ready(store.load(Load::new(other, id(0)))).expect("a load");
    assert_eq!(load, None);
}

#[test]
fn a_session_that_becomes_nobodys_may_go() {
    let store = Memory::with_limit(Limit::Sessions(1));
    let revision = create(&store, 0, alices()).expect("room");
    let refused = create(&store, 1, nobodys()).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Full));
    rewrite(&store, 0, revision, nobodys()).expect("its own place");
    create(&store, 1, nobodys()).expect("its place");
    assert_eq!(kept(&store, 0..2), [1]);
}

#[test]
fn a_sign_in_of_a_visitor_needs_no_second_place() {
    let store = Memory::with_limit(Limit::Sessions(1));
    let revision = create(&store, 0, nobodys()).expect("room");
    rewrite(&store, 0, revision, alices()).expect("its own place");
    assert_eq!(kept(&store, 0..1), [0]);
}

#[test]
fn growth_counts() {
    let store = Memory::with_limit(Limit::Bytes(3 * cost_of(&alices()) + 100));
    let revision = create(&store, 0, alices()).expect("room");
    create(&store, 1, alices()).expect("room");
    create(&store, 2, nobodys()).expect("room");
    let before = store.stats();
    let revision = rewrite(&store, 0, revision, grown(50)).expect("room for a little more");
    assert_eq!(store.stats().bytes, before.bytes + 50);
    let revision = rewrite(&store, 0, revision, grown(200)).expect("the visitor's room");
    assert_eq!(kept(&store, 0..3), [0, 1]);
    let held = load(&store, 0);
    let refused = rewrite(&store, 0, revision, grown(2000)).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Full));
    assert_eq!(load(&store, 0), held);
    assert_eq!((store.stats().evicted, store.stats().refused), (1, 1));
    // To shrink is always allowed, and gives room back.
    rewrite(&store, 0, revision, alices()).expect("less than before");
    create(&store, 3, alices()).expect("the room it gave back");
}

#[test]
fn a_session_is_not_dropped_for_its_own_growth() {
    let store = Memory::with_limit(Limit::Bytes(2 * cost_of(&nobodys()) + cost_of(&alices())));
    let revision = create(&store, 0, nobodys()).expect("room");
    create(&store, 1, nobodys()).expect("room");
    create(&store, 2, alices()).expect("room");
    let more = Record::new(at(0), at(1), vec![0; 100]);
    let revision = rewrite(&store, 0, revision, more).expect("the other visitor's room");
    assert_eq!(kept(&store, 0..3), [0, 2]);
    let held = load(&store, 0);
    let much = Record::new(at(0), at(1), vec![0; 300]);
    let refused = rewrite(&store, 0, revision, much).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Full));
    assert_eq!(load(&store, 0), held);
}

#[test]
fn what_could_never_fit_drops_nobody() {
    let store = Memory::with_limit(Limit::Bytes(10 * cost_of(&nobodys())));
    for n in 0..10 {
        create(&store, n, nobodys()).expect("room");
    }
    let much = Record::new(at(0), at(1), vec![0; 100_000]);
    let refused = create(&store, 10, much).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Full));
    assert_eq!(kept(&store, 0..11).len(), 10);
}

#[test]
fn a_sign_in_takes_the_place_of_the_one_it_ends() {
    let store = Memory::with_limit(Limit::Sessions(2));
    create(&store, 0, alices()).expect("room");
    create(&store, 1, bobs()).expect("room");
    let cap = Cap::EndOldest(NonZeroU32::MIN);
    let write = Write::new(namespace(), id(2), Expect::Absent, alices()).with_cap(cap, at(0));
    let Ok(Written::Applied { ended, .. }) = ready(store.write(write)) else {
        panic!("the place of the session that ends was free");
    };
    assert_eq!(ended, [id(0)]);
    assert_eq!(kept(&store, 0..3), [1, 2]);
    assert_eq!((store.stats().sessions, store.stats().refused), (2, 0));
}

#[test]
fn freed_room_is_used_again() {
    let store = Memory::with_limit(Limit::Sessions(100));
    let full = store.stats();
    for round in 0..10 {
        for n in 0..100 {
            let record = if n < 50 { alices() } else { nobodys() };
            create(
                &store,
                round * 100 + n,
                record.with_label(Some(Label::new("a device"))),
            )
            .expect("room");
        }
        end(&store, round * 100);
        let scope = Scope::Principal {
            principal: principal("alice"),
            keep: Some(id(round * 100 + 1)),
        };
        ready(store.revoke(Revoke::new(namespace(), scope))).expect("a revocation");
        assert_eq!(store.stats().sessions, 51);
        let sweep = Sweep::new(namespace(), at(1000), NonZeroUsize::MAX);
        assert_eq!(ready(store.sweep(sweep)).expect("a sweep").removed, 51);
        assert_eq!(
            store.stats(),
            full,
            "nothing is left, and nothing was dropped or refused"
        );
    }
}

#[test]
fn an_empty_limit_refuses_all() {
    for limit in [Limit::Sessions(0), Limit::Bytes(0)] {
        let store = Memory::with_limit(limit);
        let refused = create(&store, 0, nobodys()).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::Full), "{limit:?}");
    }
}

/// Lets a hundred threads act at once.
fn race<T: Send>(act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (barrier, act) = (&Barrier::new(RACERS), &act);
    thread::scope(|scope| {
        let begin = |n| {
            scope.spawn(move || {
                barrier.wait();
                act(n)
            })
        };
        let racers: Vec<_> = (0..RACERS).map(begin).collect();
        racers
            .into_iter()
            .map(|racer| racer.join().expect("no panic"))
            .collect()
    })
}

fn create(store: &Memory, n: usize, record: Record) -> Result<Revision, Error> {
    revision(ready(store.write(Write::new(
        namespace(),
        id(n),
        Expect::Absent,
        record,
    )))?)
}

fn rewrite(store: &Memory, n: usize, seen: Revision, record: Record) -> Result<Revision, Error> {
    revision(ready(store.write(Write::new(
        namespace(),
        id(n),
        Expect::Revision(seen),
        record,
    )))?)
}

/// What was evicted meanwhile is as good as refused to these tests.
fn revision(written: Written) -> Result<Revision, Error> {
    match written {
        Written::Applied { revision, .. } => Ok(revision),
        other => Err(Error::new(ErrorKind::Unavailable, format!("{other:?}"))),
    }
}

fn end(store: &Memory, n: usize) -> Deleted {
    ready(store.delete(Delete::new(namespace(), id(n), Owner::Any))).expect("a delete")
}

fn load(store: &Memory, n: usize) -> Option<Stored> {
    ready(store.load(Load::new(namespace(), id(n)))).expect("a load")
}

/// Which of these sessions are kept.
fn kept(store: &Memory, of: impl IntoIterator<Item = usize>) -> Vec<usize> {
    of.into_iter().filter(|n| load(store, *n).is_some()).collect()
}

fn cost_of(record: &Record) -> u64 {
    let store = Memory::default();
    create(&store, 0, record.clone()).expect("room");
    store.stats().bytes
}

fn nobodys() -> Record {
    Record::new(at(0), at(100), *b"nobody's")
}

fn alices() -> Record {
    grown(0)
}

fn bobs() -> Record {
    nobodys().with_principal(Some(principal("bob")))
}

/// Alice's record with so many more bytes.
fn grown(bytes: usize) -> Record {
    Record::new(at(0), at(100), vec![0; 8 + bytes]).with_principal(Some(principal("alice")))
}

fn principal(text: &str) -> Principal {
    Principal::new(text).expect("a valid principal")
}

fn namespace() -> Namespace {
    Namespace::new("limits").expect("a valid name")
}

fn id(n: usize) -> Id {
    Id::from_bytes(
        (n as u128)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834)
            .to_le_bytes(),
    )
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

/// The answer of a verb: memory answers when it is first asked.
fn ready<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the memory store never waits"),
    }
}
