//! Measures the redis store beside the bare driver doing the same: loads and sign-ins of 64 tasks.
//!
//! ```text
//! cargo run --release --features redis --example redis_throughput -- 10000 2 "connections=2"
//! strace --follow-forks --summary-only --trace=writev,sendto target/release/examples/redis_throughput 1000 2
//! ```
//!
//! The arguments are the sessions kept while measuring, the seconds of each measurement, and options of the store's
//! URL. Store and driver take turns, five times each; the ratio is the median of those of the turns. The bare driver is
//! one multiplexed connection as it comes: what it lacks is a record that is read, the bound of a call, and the patience
//! that lets commands leave together.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

use std::env;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use cloakroom::stores::Redis;
use cloakroom_store::{Expect, Id, Load, Namespace, Principal, Record, Store, Timestamp, Write, Written};
use cloakroom_testbed::redis::Redis as Server;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;

/// What Cloakroom keeps of a session that holds 190 bytes of data.
const BODY: usize = 264;

/// What the store has the server run to write.
static SCRIPT: LazyLock<redis::Script> = LazyLock::new(|| {
    redis::Script::new(concat!(
        include_str!("../src/stores/redis/lua/record.lua"),
        include_str!("../src/stores/redis/lua/index.lua"),
        include_str!("../src/stores/redis/lua/write.lua")
    ))
});

const TASKS: u64 = 64;
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let sessions: u64 = arguments.next().map_or(10_000, |text| text.parse().unwrap());
    let seconds: u64 = arguments.next().map_or(2, |text| text.parse().unwrap());
    let options = arguments.next().unwrap_or_default();
    let time = Duration::from_secs(seconds);
    let server = Server::start();
    println!(
        "{}, {sessions} sessions, {TASKS} tasks, {options}",
        server.version()
    );
    let store = Redis::connect(&format!("{}?{options}", server.url()))
        .await
        .unwrap();
    for n in 0..sessions {
        write(store.clone(), n).await;
    }
    let client = redis::Client::open(server.url()).unwrap();
    let driver = client.get_multiplexed_async_connection().await.unwrap();

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (store, driver) = (store.clone(), driver.clone());
        ours.push(rate(time, move |n| load(store.clone(), n % sessions)).await);
        theirs.push(rate(time, move |n| get(driver.clone(), n % sessions)).await);
    }
    report("loads", &ours, &theirs);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS as u64 {
        let (store, driver) = (store.clone(), driver.clone());
        ours.push(rate(time, move |n| write(store.clone(), round << 40 | n)).await);
        theirs.push(rate(time, move |n| run(driver.clone(), round << 40 | n)).await);
    }
    report("sign-ins", &ours, &theirs);
}

/// How often a second the tasks together get this done.
async fn rate<Done>(time: Duration, does: impl Fn(u64) -> Done + Clone + Send + 'static) -> f64
where
    Done: Future<Output = ()> + Send,
{
    let done = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (done, does) = (Arc::clone(&done), does.clone());
        tasks.spawn(async move {
            while begun.elapsed() < time {
                does(done.fetch_add(1, Ordering::Relaxed)).await;
            }
        });
    }
    tasks.join_all().await;
    done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

async fn load(store: Redis, n: u64) {
    let found = store.load(Load::new(namespace(), id(n))).await.unwrap();
    assert_eq!(found.unwrap().record.body.len(), BODY);
}

async fn get(mut driver: MultiplexedConnection, n: u64) {
    let mut get = redis::cmd("GET");
    get.arg(format!("cloakroom%bench%s%{}", id(n)));
    let found: Vec<u8> = get.query_async(&mut driver).await.unwrap();
    assert!(found.len() > BODY);
}

async fn write(store: Redis, n: u64) {
    let now = Timestamp::from(std::time::SystemTime::now());
    let expires = now.saturating_add(Duration::from_secs(86_400));
    let record = Record::new(now, expires, vec![7; BODY]);
    let record = record.with_principal(Principal::new(format!("user {n}")).ok());
    let written = store
        .write(Write::new(namespace(), id(n), Expect::Absent, record))
        .await;
    assert!(matches!(written.unwrap(), Written::Applied { .. }));
}

async fn run(mut driver: MultiplexedConnection, n: u64) {
    let user = format!("user {n}");
    let mut record = vec![7_u8; 36 + BODY + user.len()];
    record[0] = 1;
    let mut run = redis::cmd("EVALSHA");
    run.arg(SCRIPT.get_hash())
        .arg(1)
        .arg(format!("bare%bench%s%{}", id(n)));
    run.arg("").arg(record).arg("99999999999999").arg(user);
    run.arg("bare%bench%s%")
        .arg("bare%bench%p%")
        .arg("")
        .arg("")
        .arg([0_u8; 8].as_slice());
    let ended: Vec<String> = run.query_async(&mut driver).await.unwrap();
    assert!(ended.is_empty());
}

fn namespace() -> Namespace {
    Namespace::new("bench").unwrap()
}

fn id(n: u64) -> Id {
    let mut bytes = [0; Id::LEN];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

fn report(what: &str, ours: &[f64], theirs: &[f64]) {
    let mut ratios: Vec<f64> = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let thousands =
        |rates: &[f64]| -> Vec<String> { rates.iter().map(|rate| format!("{:.0}", rate / 1000.0)).collect() };
    println!(
        "{what}, thousands a second: {} and the driver {}; ratio {:.2}",
        thousands(ours).join(" "),
        thousands(theirs).join(" "),
        ratios[ratios.len() / 2]
    );
}
