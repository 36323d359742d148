//! The memory store sweeps exactly what has expired, whatever became of an expiry since it was first known.

#![cfg(feature = "memory")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cloakroom::stores::Memory;
use cloakroom_store::{
    Count, Expect, Id, Load, Namespace, Principal, Query, Record, Revision, Store, Sweep, Timestamp, Touch,
    Touched, Write, Written,
};

/// Sessions are swept to the millisecond, though filed by the second: so all happens within a few of them.
const MILLIS: u64 = 5_000;

/// Few, so that all meet in every way.
const SESSIONS: u64 = 400;

#[test]
fn a_sweep_removes_exactly_what_has_expired() {
    for seed in 1..=20 {
        let mut draw = Draw(seed);
        let (store, mut model) = (Memory::default(), Model::new());
        for _ in 0..2_000 {
            let (n, expires) = (draw.below(SESSIONS), draw.below(MILLIS));
            match draw.below(20) {
                0 => sweep(&store, &mut model, expires, 1 + draw.below(40)),
                1..10 => write(&store, &mut model, n, expires, draw.below(2) == 0),
                _ => touch(&store, &mut model, n, expires),
            }
        }
        sweep(&store, &mut model, MILLIS, SESSIONS);
        assert_eq!((store.stats().sessions, store.stats().bytes), (0, 0));
    }
}

#[test]
fn many_that_live_through_their_second_do_not_hide_one_that_does_not() {
    let (store, mut model) = (Memory::default(), Model::new());
    for n in 0..40_000 {
        write(
            &store,
            &mut model,
            n,
            if n == 20_000 { 1_000 } else { 1_999 },
            n % 2 == 0,
        );
    }
    sweep(&store, &mut model, 1_001, 1);
    assert_eq!(store.stats().sessions, 39_999);
}

#[test]
fn a_moment_that_never_comes_can_be_swept_to() {
    let (store, mut model) = (Memory::default(), Model::new());
    let never = Timestamp::MAX.as_unix_millis();
    for n in 0..1_000 {
        write(
            &store,
            &mut model,
            n,
            if n % 2 == 0 { never } else { never - 1 },
            n % 3 == 0,
        );
    }
    sweep(&store, &mut model, never, 300);
    assert_eq!(store.stats().sessions, 500);
}

/// What the store should keep: each session's revision and expiry.
type Model = BTreeMap<u64, (Revision, u64)>;

fn write(store: &Memory, model: &mut Model, n: u64, expires: u64, signed_in: bool) {
    let alice = Principal::new("alice").expect("a valid principal");
    let record = Record::new(at(0), at(expires), *b"body").with_principal(signed_in.then_some(alice));
    let expect = model
        .get(&n)
        .map_or(Expect::Absent, |(seen, _)| Expect::Revision(*seen));
    let written = ready(store.write(Write::new(namespace(), id(n), expect, record)));
    let Ok(Written::Applied { revision, .. }) = written else {
        panic!("expected a write to apply, found {written:?}");
    };
    model.insert(n, (revision, expires));
}

fn touch(store: &Memory, model: &mut Model, n: u64, expires: u64) {
    let Some((revision, before)) = model.get_mut(&n) else {
        return;
    };
    let touch = Touch::new(namespace(), id(n), *revision, at(0), at(expires));
    let touched = ready(store.touch(touch)).expect("a touch");
    assert_eq!(touched, Touched::Applied(*revision));
    *before = expires.max(*before);
}

/// Sweeps in steps until no more is said to remain.
fn sweep(store: &Memory, model: &mut Model, before: u64, limit: u64) {
    loop {
        let at_most = NonZeroUsize::new(limit as usize).expect("not zero");
        let swept = ready(store.sweep(Sweep::new(namespace(), at(before), at_most))).expect("a sweep");
        let sessions = model.len() as u64;
        model.retain(|n, (_, expires)| *expires >= before || is_kept(store, *n));
        assert_eq!(
            swept.removed,
            sessions - model.len() as u64,
            "what went had expired"
        );
        assert!(swept.removed <= limit);
        let remain = model.values().any(|(_, expires)| *expires < before);
        assert_eq!(swept.more, remain, "whether more remain");
        if !remain {
            break;
        }
    }
    assert!(model.keys().all(|n| is_kept(store, *n)), "what lives is kept");
    let count = |query| ready(store.count(Count::new(namespace(), query))).expect("a count");
    assert_eq!(count(Query::default()), model.len() as u64);
    let later = before.saturating_add(700);
    let live = model.values().filter(|(_, expires)| *expires > later);
    assert_eq!(count(Query::default().live_at(at(later))), live.count() as u64);
}

fn is_kept(store: &Memory, n: u64) -> bool {
    ready(store.load(Load::new(namespace(), id(n))))
        .expect("a load")
        .is_some()
}

/// Numbers that look drawn at random, and are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

fn namespace() -> Namespace {
    Namespace::new("sweep").expect("a valid name")
}

fn id(n: u64) -> Id {
    Id::from_bytes(
        u128::from(n)
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
