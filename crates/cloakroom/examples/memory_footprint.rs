//! Measures what sessions in memory cost: bytes of each, and how long a sweep keeps others waiting.
//!
//! ```text
//! cargo run --release --example memory_footprint -- 1000000 signed-in
//! ```

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use cloakroom::stores::memory::{Limit, Memory};
use cloakroom_store::{
    Expect, Id, Load, Namespace, Principal, Record, Store, Sweep, Timestamp, Write, Written,
};

/// What Cloakroom keeps of a session that holds 190 bytes of data.
const BODY: usize = 264;

/// One session in ten expires early.
const EARLY: u64 = 10;

fn main() {
    let mut arguments = env::args().skip(1);
    let sessions = arguments
        .next()
        .map_or(1_000_000, |text| text.parse().expect("a number of sessions"));
    let signed_in = arguments.next().is_some_and(|text| text == "signed-in");
    let store = Memory::with_limit(Limit::Sessions(sessions));
    let namespace = Namespace::new("footprint").expect("a valid name");

    let empty = resident();
    println!("{:>22} {empty:>12} bytes resident", "empty");
    fill(&store, &namespace, sessions, signed_in, 0);
    report("filled", sessions, empty, &store);

    let (removed, mut steps, mut loads) = sweep_beside_loads(&store, &namespace, sessions);
    println!("{:>22} {removed} of {sessions}", "swept");
    report_times("sweep of at most 256", &mut steps);
    report_times("load beside it", &mut loads);

    let everything = Sweep::new(namespace.clone(), Timestamp::MAX, at_most(usize::MAX));
    let begun = Instant::now();
    let removed = ready(store.sweep(everything)).expect("a sweep of memory").removed;
    println!("{:>22} {removed} in {:?}", "swept", begun.elapsed());
    report("all swept", sessions, empty, &store);
    fill(&store, &namespace, sessions, signed_in, sessions);
    report("filled again", sessions, empty, &store);
}

fn fill(store: &Memory, namespace: &Namespace, sessions: u64, signed_in: bool, offset: u64) {
    for number in offset..offset + sessions {
        let expires = if number % EARLY == 0 {
            1_000 + number
        } else {
            1_000_000_000 + number
        };
        let principal = signed_in.then(|| {
            let text = format!("user{number:08}");
            Principal::new(text).expect("12 bytes")
        });
        let body: Arc<[u8]> = [0x5a; BODY].into();
        let (created, expires) = (
            Timestamp::from_unix_millis(number),
            Timestamp::from_unix_millis(expires),
        );
        let record = Record::new(created, expires, body).with_principal(principal);
        let write = Write::new(namespace.clone(), id(number), Expect::Absent, record);
        let written = ready(store.write(write)).expect("room for it");
        assert!(matches!(written, Written::Applied { .. }));
    }
}

/// Sweeps what expired early in small steps while another thread loads: how many, and how long each step and
/// each load took.
fn sweep_beside_loads(
    store: &Memory,
    namespace: &Namespace,
    sessions: u64,
) -> (u64, Vec<Duration>, Vec<Duration>) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let loads = scope.spawn(|| {
            let mut times = Vec::new();
            for number in (0..sessions).map(|n| n * 7919 % sessions).cycle() {
                let begun = Instant::now();
                let loaded = ready(store.load(Load::new(namespace.clone(), id(number))));
                times.push(begun.elapsed());
                drop(loaded);
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
            times
        });
        let (mut removed, mut times, mut more) = (0, Vec::new(), true);
        while more {
            let before = Timestamp::from_unix_millis(100_000_000);
            let begun = Instant::now();
            let swept = ready(store.sweep(Sweep::new(namespace.clone(), before, at_most(256))))
                .expect("a sweep of memory");
            times.push(begun.elapsed());
            removed += swept.removed;
            more = swept.more;
        }
        done.store(true, Ordering::Relaxed);
        (removed, times, loads.join().expect("loads do not fail"))
    })
}

/// The longest may be this machine's other work: the one in a thousand tells the store's.
fn report_times(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let share = |thousandths: usize| times[(times.len() - 1) * thousandths / 1000];
    println!(
        "{what:>22} median {:?}, 99% {:?}, 99.9% {:?}, longest {:?}, of {}",
        share(500),
        share(990),
        share(999),
        share(1000),
        times.len(),
    );
}

fn report(what: &str, sessions: u64, empty: u64, store: &Memory) {
    let resident = resident();
    let stats = store.stats();
    println!(
        "{what:>22} {resident:>12} bytes resident: {} a session, {} without the process itself, {} accounted",
        resident / sessions,
        resident.saturating_sub(empty) / sessions,
        stats.bytes / sessions,
    );
}

/// The resident set of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("VmRSS");
    let kilobytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number of kB");
    kilobytes * 1024
}

/// Sixteen bytes that look drawn at random.
fn id(number: u64) -> Id {
    let half = |seed: u64| {
        let mut z = number.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    Id::from_bytes((u128::from(half(1)) << 64 | u128::from(half(1 << 40))).to_le_bytes())
}

fn at_most(limit: usize) -> std::num::NonZeroUsize {
    limit.try_into().expect("not zero")
}

/// The answer of a verb: memory answers when it is first asked.
fn ready<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the memory store never waits"),
    }
}
