//! Measures the disk store beside the bare engine doing the same: durable writes of 64 writers, and reads.
//!
//! ```text
//! cargo run --release --features disk --example disk_throughput -- 100000 5
//! ```
//!
//! The arguments are the sessions kept while measuring, and the seconds of each measurement. Store and engine take
//! turns, five times each; the ratio is the median of those of the turns. The bare engine has one table, a thread that
//! writes, groups of the same size, and the same bytes under the same keys: what it lacks is the contract.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

use std::env;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cloakroom::stores::Disk;
use cloakroom_store::{Expect, Id, Load, Namespace, Principal, Record, Store, Timestamp, Write, Written};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// What Cloakroom keeps of a session that holds 190 bytes of data.
const BODY: usize = 264;

const WRITERS: u64 = 64;
const GROUP: usize = 256;
const ROUNDS: usize = 5;

const BARE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("bare");

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let sessions: u64 = arguments.next().map_or(100_000, |text| text.parse().unwrap());
    let seconds: u64 = arguments.next().map_or(5, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = Disk::open(directory.path().join("store")).await.unwrap();
    let bare = Bare::open(&directory.path().join("bare"));
    fill(&store, &bare, sessions).await;

    println!("{sessions} sessions, {WRITERS} writers, {seconds} s each");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = store.stats();
        ours.push(write_store(&store, sessions, time).await);
        let after = store.stats();
        println!(
            "  {:.1} writes a commit, {:.2} syncs a commit",
            (after.requests - before.requests) as f64 / (after.commits - before.commits) as f64,
            (after.syncs - before.syncs) as f64 / (after.commits - before.commits) as f64,
        );
        theirs.push(write_bare(&bare, sessions, time).await);
    }
    report("durable writes a second", ours, theirs);

    for readers in [1, 2] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(read_store(&store, sessions, readers, time).await);
            theirs.push(read_bare(&bare, sessions, readers, time).await);
        }
        report(&format!("reads a second, {readers} tasks"), ours, theirs);
    }

    store.close().await.unwrap();
    let begun = Instant::now();
    let store = Disk::open(directory.path().join("store")).await.unwrap();
    println!(
        "opening {sessions} sessions and checking them: {:?}",
        begun.elapsed()
    );
    drop(store);
}

fn report(what: &str, mut ours: Vec<f64>, mut theirs: Vec<f64>) {
    let mut ratios: Vec<f64> = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    for figures in [&mut ours, &mut theirs, &mut ratios] {
        figures.sort_by(f64::total_cmp);
    }
    let [ours, theirs, ratios] = [ours, theirs, ratios].map(|figures| {
        let digits = if figures[0] < 100.0 { 2 } else { 0 };
        let [least, median, most] = [0, ROUNDS / 2, ROUNDS - 1].map(|at| figures[at]);
        format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
    });
    println!("{what}: store {ours}, bare {theirs}, ratio {ratios}");
}

/// Rewrites random sessions until the time is over, each writer its own.
async fn write_store(store: &Disk, sessions: u64, time: Duration) -> f64 {
    run(WRITERS, time, |writer, stop, done| {
        let store = store.clone();
        async move {
            let mut random = writer;
            while !stop.load(Ordering::Relaxed) {
                let n = own(next(&mut random), writer, sessions);
                let seen = store.load(Load::new(namespace(), id(n))).await.unwrap().unwrap();
                let write = Write::new(namespace(), id(n), Expect::Revision(seen.revision), record(n));
                assert!(matches!(
                    store.write(write).await.unwrap(),
                    Written::Applied { .. }
                ));
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await
}

async fn write_bare(bare: &Bare, sessions: u64, time: Duration) -> f64 {
    run(WRITERS, time, |writer, stop, done| {
        let bare = bare.clone();
        async move {
            let mut random = writer;
            while !stop.load(Ordering::Relaxed) {
                let n = own(next(&mut random), writer, sessions);
                assert!(bare.read(&key(n)));
                bare.write(key(n), row()).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await
}

async fn read_store(store: &Disk, sessions: u64, readers: u64, time: Duration) -> f64 {
    run(readers, time, |reader, stop, done| {
        let store = store.clone();
        async move {
            let mut random = reader;
            while !stop.load(Ordering::Relaxed) {
                let n = next(&mut random) % sessions;
                let seen = store.load(Load::new(namespace(), id(n))).await.unwrap();
                assert!(seen.is_some());
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await
}

async fn read_bare(bare: &Bare, sessions: u64, readers: u64, time: Duration) -> f64 {
    run(readers, time, |reader, stop, done| {
        let bare = bare.clone();
        async move {
            let mut random = reader;
            while !stop.load(Ordering::Relaxed) {
                assert!(bare.read(&key(next(&mut random) % sessions)));
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await
}

/// Runs so many tasks for a time and answers how much they did in a second.
async fn run<Running>(
    tasks: u64,
    time: Duration,
    task: impl Fn(u64, Arc<AtomicBool>, Arc<AtomicU64>) -> Running,
) -> f64
where
    Running: Future<Output = ()> + Send + 'static,
{
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for n in 0..tasks {
        running.spawn(task(n, Arc::clone(&stop), Arc::clone(&done)));
    }
    // A thread of its own: the tasks may keep every other busy.
    let timer = Arc::clone(&stop);
    thread::spawn(move || {
        thread::sleep(time);
        timer.store(true, Ordering::Relaxed);
    });
    running.join_all().await;
    done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

/// The engine alone: one table, and a thread that commits in groups.
#[derive(Clone)]
struct Bare {
    database: Arc<Database>,
    sender: mpsc::Sender<(Vec<u8>, Vec<u8>, oneshot::Sender<()>)>,
}

impl Bare {
    fn open(path: &Path) -> Self {
        let database = Arc::new(Database::builder().set_cache_size(64 << 20).create(path).unwrap());
        let (sender, receiver) = mpsc::channel::<(Vec<u8>, Vec<u8>, oneshot::Sender<()>)>();
        let writing = Arc::clone(&database);
        thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let mut answers = Vec::new();
                let transaction = writing.begin_write().unwrap();
                let mut table = transaction.open_table(BARE).unwrap();
                for (key, row, answer) in [first].into_iter().chain(receiver.try_iter().take(GROUP - 1)) {
                    // It reads before it writes, as whoever compares has to.
                    drop(table.get(&*key).unwrap());
                    table.insert(&*key, &*row).unwrap();
                    answers.push(answer);
                }
                drop(table);
                transaction.commit().unwrap();
                answers.into_iter().for_each(|answer| answer.send(()).unwrap());
            }
        });
        Self { database, sender }
    }

    async fn write(&self, key: Vec<u8>, row: Vec<u8>) {
        let (answer, answered) = oneshot::channel();
        self.sender.send((key, row, answer)).unwrap();
        answered.await.unwrap();
    }

    fn read(&self, key: &[u8]) -> bool {
        let table = self.database.begin_read().unwrap().open_table(BARE).unwrap();
        table
            .get(key)
            .unwrap()
            .is_some_and(|row| !row.value().to_vec().is_empty())
    }
}

async fn fill(store: &Disk, bare: &Bare, sessions: u64) {
    let mut filling = JoinSet::new();
    for writer in 0..256 {
        let (store, bare) = (store.clone(), bare.clone());
        filling.spawn(async move {
            for n in (writer..sessions).step_by(256) {
                let write = Write::new(namespace(), id(n), Expect::Absent, record(n));
                store.write(write).await.unwrap();
                bare.write(key(n), row()).await;
            }
        });
    }
    filling.join_all().await;
}

/// As whoever serves requests has it: made once.
fn namespace() -> Namespace {
    static NAMESPACE: LazyLock<Namespace> = LazyLock::new(|| Namespace::new("shop/__Host-session").unwrap());
    NAMESPACE.clone()
}

fn id(n: u64) -> Id {
    let mut bytes = [0; Id::LEN];
    bytes[..8].copy_from_slice(
        &n.wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

fn record(n: u64) -> Record {
    let expires = Timestamp::from_unix_millis(1_000_000 + n);
    Record::new(Timestamp::from_unix_millis(n), expires, [7; BODY])
        .with_principal(Principal::new(format!("user {:07}", n % 1_000_000)).ok())
}

/// As long as the store's: namespace and id.
fn key(n: u64) -> Vec<u8> {
    let mut key = b"\x13shop/__Host-session".to_vec();
    key.extend_from_slice(id(n).as_bytes());
    key
}

/// As long as the store's: times, principal and body.
fn row() -> Vec<u8> {
    vec![7; 41 + 14 + BODY]
}

/// A number that only this writer writes to, so that none of its writes is refused.
fn own(random: u64, writer: u64, sessions: u64) -> u64 {
    random % (sessions / WRITERS) * WRITERS + writer
}

fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*random ^ (*random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}
