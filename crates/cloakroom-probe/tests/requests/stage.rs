//! A stage for one test: a store, the doubles in front of it, and nodes that serve the probe over it.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use actix_web::dev::ServerHandle;
use cloakroom::store::{
    AnyMarks, AnyStore, Capabilities, Count, Delete, Expect, Id, Load, Namespace, Owner, Query, Record,
    Store, Timestamp, Write, Written,
};
use cloakroom::stores::cached::CachedOptions;
use cloakroom::stores::disk::{DiskOptions, Durability};
use cloakroom::stores::redis::RedisOptions;
use cloakroom::stores::{self, Cached, Memory, Redis};
use cloakroom::testing::ManualClock;
use cloakroom::{KeyRing, Revocations, ServerKey, Sessions};
use cloakroom_probe::Framework;
use cloakroom_probe::doubles::{Flaky, Gate, Hook, Recording};
use cloakroom_testbed::Tap;
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::apps::App;
use crate::barriers::Barriers;
use crate::browser::{Browser, State, exchange};
use crate::ledger::Ledger;
use crate::servers::{self, Reached};

// What serves the probe.
const BOTH: &[Framework] = &[Framework::Axum, Framework::Actix];
const AXUM: &[Framework] = &[Framework::Axum];
const ACTIX: &[Framework] = &[Framework::Actix];

/// The stores that every test runs on.
const STORES: &[Kind] = &[
    Kind {
        name: "memory",
        place: Place::Memory,
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "disk",
        place: Place::Disk,
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "disk, with a key ring",
        place: Place::Disk,
        keys: true,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "SQLite",
        place: Place::File,
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "Redis",
        place: Place::Server(servers::redis),
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "Redis with Sentinel",
        place: Place::Server(servers::sentinel),
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "Redis Cluster",
        place: Place::Server(servers::cluster),
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "Memcached",
        place: Place::Server(servers::memcached),
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "MariaDB or MySQL",
        place: Place::Server(servers::mysql),
        keys: false,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
    Kind {
        name: "PostgreSQL, with a key ring",
        place: Place::Server(servers::postgres),
        keys: true,
        strategy: Strategy::Stored,
        frameworks: BOTH,
    },
];

/// The same stores, where browsers keep snapshots of their sessions. Those know nothing of frameworks, so each is on one.
const HYBRID: &[Kind] = &[
    Kind {
        name: "memory, with snapshots",
        place: Place::Memory,
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: AXUM,
    },
    Kind {
        name: "disk, with snapshots",
        place: Place::Disk,
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: ACTIX,
    },
    Kind {
        name: "SQLite, with snapshots",
        place: Place::File,
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: AXUM,
    },
    Kind {
        name: "Redis, with snapshots",
        place: Place::Server(servers::redis),
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: ACTIX,
    },
    Kind {
        name: "Redis with Sentinel and snapshots",
        place: Place::Server(servers::sentinel),
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: AXUM,
    },
    Kind {
        name: "Redis Cluster, with snapshots",
        place: Place::Server(servers::cluster),
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: ACTIX,
    },
    Kind {
        name: "Memcached, with snapshots",
        place: Place::Server(servers::memcached),
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: AXUM,
    },
    Kind {
        name: "MariaDB or MySQL, with snapshots",
        place: Place::Server(servers::mysql),
        keys: false,
        strategy: Strategy::Hybrid,
        frameworks: ACTIX,
    },
    Kind {
        name: "PostgreSQL, with a key ring and snapshots",
        place: Place::Server(servers::postgres),
        keys: true,
        strategy: Strategy::Hybrid,
        frameworks: AXUM,
    },
];

/// Some of the same stores, where each node keeps copies of what it reads. The cache knows nothing of frameworks, and of a
/// store what its card says: these differ in that.
const CACHED: &[Kind] = &[
    Kind {
        name: "memory, with near caches",
        place: Place::Memory,
        keys: false,
        strategy: Strategy::Cached,
        frameworks: AXUM,
    },
    Kind {
        name: "Memcached, with a key ring and near caches",
        place: Place::Server(servers::memcached),
        keys: true,
        strategy: Strategy::Cached,
        frameworks: ACTIX,
    },
    Kind {
        name: "Redis, with near caches that it feeds",
        place: Place::Server(servers::redis),
        keys: false,
        strategy: Strategy::Fed,
        frameworks: ACTIX,
    },
];

/// Where the marks are of sessions that are sealed into their cookies.
const SEALED: &[Kind] = &[
    Kind {
        name: "none: sealed, with marks on disk",
        place: Place::Disk,
        keys: true,
        strategy: Strategy::Sealed,
        frameworks: BOTH,
    },
    Kind {
        name: "none: sealed, with marks on Redis",
        place: Place::Server(servers::redis),
        keys: true,
        strategy: Strategy::Sealed,
        frameworks: BOTH,
    },
];

/// So many stages of a test at once: most of the time they wait, for a store that does not answer or a disk.
const AT_ONCE: usize = 3;

/// Far longer than any test takes on one store.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    place: Place,
    keys: bool,
    strategy: Strategy,
    frameworks: &'static [Framework],
}

#[derive(Clone, Copy, PartialEq)]
enum Strategy {
    Stored,
    /// Stored, and each node keeps copies of what it reads.
    Cached,
    /// The same, and the server tells each node what changes.
    Fed,
    Hybrid,
    Sealed,
}

#[derive(Clone, Copy)]
enum Place {
    Memory,
    Disk,
    File,
    /// A store on a server that all tests share.
    Server(fn() -> Reached),
}

/// How long a snapshot is good for.
pub(crate) const FRESH: Duration = Duration::from_secs(10);

/// How long a near cache may answer with a copy: longer than any test takes.
const COPIED: Duration = Duration::from_hours(1);

/// Runs a test on every store, each on a stage of its own, with requests that run at the same time: also where browsers keep
/// snapshots of their sessions, and where nodes keep copies of them.
pub(crate) fn on_every_store<T: AsyncFn(&Stage) + Sync>(test: T) {
    on(STORES.iter().chain(HYBRID).chain(CACHED), &test);
}

/// Runs a test on every store in front of which no node keeps copies.
///
/// Why it holds nowhere else is in `strategies.rs`.
pub(crate) fn on_every_store_without_near_caches<T: AsyncFn(&Stage) + Sync>(test: T) {
    on(STORES.iter().chain(HYBRID), &test);
}

/// Runs a test on every store where it is asked whenever a session is read: nobody keeps snapshots or copies.
///
/// Why it holds nowhere else is in `strategies.rs`.
pub(crate) fn on_every_store_itself<T: AsyncFn(&Stage) + Sync>(test: T) {
    on(STORES, &test);
}

/// Runs a test on every store, and where sessions are sealed into their cookies: what it asks holds under each strategy.
///
/// What is excepted there, and why, is in `strategies.rs`.
pub(crate) fn on_every_strategy<T: AsyncFn(&Stage) + Sync>(test: T) {
    on(everywhere(), &test);
}

/// Runs a test where browsers keep snapshots of their sessions.
pub(crate) fn on_hybrid_sessions<T: AsyncFn(&Stage) + Sync>(test: T) {
    on(HYBRID, &test);
}

/// Runs a test where nodes keep copies of what they read.
pub(crate) fn on_near_caches<T: AsyncFn(&Stage) + Sync>(test: T) {
    on(CACHED, &test);
}

/// Runs a test where they do, and the doubles see what is sent to the store all the same: no server feeds them.
pub(crate) fn on_near_caches_before_the_doubles<T: AsyncFn(&Stage) + Sync>(test: T) {
    let unfed = CACHED.iter().filter(|kind| kind.strategy == Strategy::Cached);
    on(unfed, &test);
}

/// Runs a test where sessions are sealed into their cookies.
pub(crate) fn on_sealed_sessions<T: AsyncFn(&Stage) + Sync>(test: T) {
    on(SEALED, &test);
}

/// Runs a test under each strategy in the thread of the test, which then hears what is logged.
pub(crate) fn on_every_strategy_in_this_thread<T: AsyncFn(&Stage)>(test: T) {
    for kind in everywhere().filter(is_asked_for) {
        for framework in kind.frameworks {
            run(*kind, *framework, &test, Builder::new_current_thread());
        }
    }
}

/// Runs a test on every store that can list sessions and end all of a principal.
pub(crate) fn on_every_store_that_lists<T: AsyncFn(&Stage) + Sync>(test: T) {
    on_every_store(async |stage| {
        if stage.card().lists && stage.card().revokes_by_principal {
            test(stage).await;
        }
    });
}

/// Runs a test on every store whose records are sealed.
pub(crate) fn on_every_sealed_store<T: AsyncFn(&Stage) + Sync>(test: T) {
    let kinds = STORES.iter().chain(HYBRID).chain(CACHED);
    on(kinds.filter(|kind| !matches!(kind.place, Place::Memory)), &test);
}

/// Whether a test is to run on a store, or with marks in it: on each, unless a variable has a part of the names of those that
/// are asked for. So a suite that has run goes on to another server of the same protocol.
fn is_asked_for(kind: &&Kind) -> bool {
    static PART: LazyLock<Option<String>> = LazyLock::new(|| {
        let part = std::env::var("REQUESTS_ON").ok();
        let is_there = part
            .as_ref()
            .is_none_or(|part| everywhere().any(|kind| kind.name.contains(part)));
        assert!(is_there, "there is no store of the name in REQUESTS_ON");
        part
    });
    PART.as_ref().is_none_or(|part| kind.name.contains(part))
}

fn everywhere() -> impl Iterator<Item = &'static Kind> {
    STORES.iter().chain(HYBRID).chain(CACHED).chain(SEALED)
}

fn on<'a, T: AsyncFn(&Stage) + Sync>(kinds: impl IntoIterator<Item = &'a Kind, IntoIter: Send>, test: &T) {
    let runs = kinds
        .into_iter()
        .filter(is_asked_for)
        .flat_map(|kind| kind.frameworks.iter().map(move |on| (*kind, *on)));
    let runs = Mutex::new(runs);
    let next = || runs.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((kind, framework)) = next() {
                    run(kind, framework, test, Builder::new_multi_thread());
                }
            });
        }
    });
}

fn run<T: AsyncFn(&Stage)>(kind: Kind, framework: Framework, test: &T, mut runtime: Builder) {
    let _named = Named(kind.name, framework);
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::new(kind, framework));
    // A barrier that is never reached is a failure, not a test that runs for ever.
    let run = runtime.block_on(async { tokio::time::timeout(LONGEST, test(&stage)).await });
    assert!(run.is_ok(), "it did not end within {LONGEST:?}");
    runtime.block_on(stage.strike());
}

/// Names the store and the framework when the test fails on them.
struct Named(&'static str, Framework);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the store was: {}; the framework was: {:?}", self.0, self.1);
        }
    }
}

/// A store, the doubles in front of it, a clock, and barriers inside the handlers.
pub(crate) struct Stage {
    kind: Kind,
    pub(crate) framework: Framework,
    /// The store itself, behind the doubles.
    pub(crate) store: AnyStore,
    /// The same, for marks, where sessions are sealed.
    marks: Option<AnyMarks>,
    /// The same, where it tells near caches what changes.
    feeder: Option<Redis>,
    /// Near caches that the server may not feed yet.
    unfed: Mutex<Vec<Cached>>,
    pub(crate) recording: Recording,
    pub(crate) gate: Gate,
    pub(crate) flaky: Flaky,
    pub(crate) clock: ManualClock,
    pub(crate) barriers: Barriers,
    ledger: Ledger,
    /// What keeps this stage's sessions apart from those of other tests on the same server.
    application: String,
    /// Where a store on disk has its files.
    directory: TempDir,
    /// Hears what a store sends to its server.
    tap: Option<Tap>,
    /// Servers that do not end with the test's runtime.
    servers: Mutex<Vec<ServerHandle>>,
}

impl Stage {
    async fn new(kind: Kind, framework: Framework) -> Self {
        let directory = TempDir::new().unwrap();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let application = format!("stage-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (mut tap, mut marks, mut feeder) = (None, None, None);
        let store = match kind.place {
            Place::Memory => AnyStore::new(Memory::default()),
            Place::Disk => {
                // Nothing crashes here: what is kept counts, and not that each write waits for the disk.
                let options = DiskOptions::default().durability(Durability::Within(LONGEST));
                let disk = options.open(directory.path()).await.unwrap();
                marks = Some(AnyMarks::new(disk.clone()));
                AnyStore::new(disk)
            }
            Place::File => {
                let url = format!("sqlite:{}", directory.path().join("sessions.db").display());
                stores::open(&url).await.unwrap()
            }
            Place::Server(reach) => {
                // Starting a server may take a while, and the runtime has other things to do.
                let reached = tokio::task::spawn_blocking(reach).await.unwrap();
                tap = reached.tap;
                if kind.strategy == Strategy::Sealed {
                    marks = Some(stores::open_marks(&reached.url).await.unwrap());
                }
                if kind.strategy == Strategy::Fed {
                    // A server tells of all keys with a prefix: of its own, a stage hears nothing of others.
                    let options = RedisOptions::default().prefix(&application);
                    feeder = Some(options.connect(&reached.url).await.unwrap());
                }
                match &feeder {
                    Some(redis) => AnyStore::new(redis.clone()),
                    None => stores::open(&reached.url).await.unwrap(),
                }
            }
        };
        let ledger = Ledger::before(store.clone());
        Self {
            kind,
            framework,
            store,
            marks,
            feeder,
            unfed: Mutex::default(),
            ledger,
            application,
            directory,
            tap,
            servers: Mutex::default(),
            recording: Recording::default(),
            gate: Gate::default(),
            flaky: Flaky::default(),
            // What servers expire by themselves goes by their clock, so ours begins at the same time.
            clock: ManualClock::at(Timestamp::from(SystemTime::now())),
            barriers: Barriers::default(),
        }
    }

    /// Sessions in the store, seen through the doubles. No test waits this long unless it fails.
    pub(crate) fn sessions(&self) -> Sessions {
        if self.is_sealed() {
            return self.sealed_with(|revocations| revocations);
        }
        let sessions = self.with_keys(self.sessions_without_keys());
        match self.kind.strategy {
            Strategy::Hybrid => sessions.snapshots(KeyRing::new(server_key(1)), FRESH),
            Strategy::Stored | Strategy::Cached | Strategy::Fed | Strategy::Sealed => sessions,
        }
    }

    /// Sealed sessions whose marks are seen through the doubles, with other settings than usual.
    pub(crate) fn sealed_with(&self, settings: impl FnOnce(Revocations) -> Revocations) -> Sessions {
        let marks = self
            .recording
            .before(self.gate.before(self.flaky.before(self.marks())));
        self.sealed(settings(Revocations::new(marks).unwrap()))
    }

    /// Sealed sessions whose sign-ins are registered in the store.
    pub(crate) fn sealed_and_registered(&self) -> Sessions {
        self.sealed_with(|revocations| revocations.register_in(self.store.clone()))
    }

    /// Sealed sessions whose marks are seen through another double.
    pub(crate) fn sealed_behind(&self, hook: impl Hook) -> Sessions {
        self.sealed(Revocations::new(hook.before(self.marks())).unwrap())
    }

    fn marks(&self) -> AnyMarks {
        self.marks.clone().expect("sessions are sealed on this stage")
    }

    /// Sealed sessions with these marks.
    pub(crate) fn sealed(&self, revocations: Revocations) -> Sessions {
        let sessions = Sessions::sealed(KeyRing::new(server_key(1)), revocations).clock(&self.clock);
        let sessions = sessions.application(&self.application).unwrap();
        sessions.store_timeout(LONGEST)
    }

    /// Whether sessions are in their cookies, and not in the store.
    pub(crate) fn is_sealed(&self) -> bool {
        self.kind.strategy == Strategy::Sealed
    }

    /// Whether there is no disk and no server to wait for.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.kind.place, Place::Memory)
    }

    /// Whether the store is asked whenever a session is read: browsers keep no snapshots, and nodes no copies.
    pub(crate) fn is_always_asked(&self) -> bool {
        self.kind.strategy == Strategy::Stored
    }

    /// Whether its server tells near caches what changes.
    pub(crate) fn is_fed(&self) -> bool {
        self.kind.strategy == Strategy::Fed
    }

    /// Whether nodes keep copies of what they read.
    fn has_near_caches(&self) -> bool {
        matches!(self.kind.strategy, Strategy::Cached | Strategy::Fed)
    }

    /// These sessions with the key ring, if there is one.
    pub(crate) fn with_keys(&self, sessions: Sessions) -> Sessions {
        if self.has_keys() {
            sessions.keys(KeyRing::new(server_key(1)))
        } else {
            sessions
        }
    }

    /// The same, on a node that was not given the key ring.
    pub(crate) fn sessions_without_keys(&self) -> Sessions {
        let sessions = match self.has_near_caches() {
            true => self.over(self.near_cache(COPIED)),
            false => self.over(self.behind_doubles(self.ledger.clone())),
        };
        sessions.store_timeout(LONGEST)
    }

    /// Sessions whose near cache answers with copies for so long.
    pub(crate) fn sessions_copied_for(&self, staleness: Duration) -> Sessions {
        let sessions = self.over(self.near_cache(staleness));
        self.with_keys(sessions.store_timeout(LONGEST))
    }

    /// The store with a near cache of one node's own. Where the server feeds it, the doubles stand in front of it.
    fn near_cache(&self, staleness: Duration) -> AnyStore {
        let options = CachedOptions::default().staleness(staleness);
        let Some(redis) = &self.feeder else {
            return AnyStore::new(options.around(self.behind_doubles(self.ledger.clone())));
        };
        let cached = redis.clone().cached(options);
        self.unfed.lock().unwrap().push(cached.clone());
        AnyStore::new(self.behind_doubles(self.ledger.of(cached)))
    }

    fn behind_doubles(&self, store: impl Store) -> impl Store {
        self.recording.before(self.gate.before(self.flaky.before(store)))
    }

    /// Sessions of the same application in another store, by the same clock.
    pub(crate) fn over(&self, store: impl Store) -> Sessions {
        let sessions = Sessions::new(store).clock(&self.clock);
        sessions.application(&self.application).unwrap()
    }

    /// What the application's sessions are under.
    pub(crate) fn namespace(&self) -> Namespace {
        self.over(self.store.clone()).namespace().clone()
    }

    /// Whether the store can do what this request asks for, by its card.
    pub(crate) fn can(&self, request: &str) -> bool {
        let card = self.card();
        let asks = |path| request.split(['?', ' ']).any(|word| word == path);
        if self.is_sealed() {
            return !asks("/sessions") && (!asks("/end") || !request.contains("id=0"));
        }
        (card.lists || !asks("/sessions"))
            && (card.revokes_by_principal || !asks("/sign-out-others") && !asks("/sign-out-everywhere"))
    }

    /// Whether requests to the store travel, and so may arrive after nobody waits for them any more.
    pub(crate) fn has_a_server(&self) -> bool {
        matches!(self.kind.place, Place::Server(_))
    }

    /// What the store promises.
    pub(crate) fn card(&self) -> Capabilities {
        self.store.capabilities()
    }

    /// Whether there is a key ring.
    pub(crate) fn has_keys(&self) -> bool {
        self.kind.keys
    }

    /// A node that serves the probe.
    pub(crate) async fn node(&self) -> Node {
        self.serve(&self.sessions()).await
    }

    /// A node that serves the probe over these sessions.
    pub(crate) async fn serve(&self, sessions: &Sessions) -> Node {
        self.are_fed().await;
        let app = self.app(sessions);
        let (address, server) = app.serve();
        self.servers.lock().unwrap().extend(server);
        Node { address, app }
    }

    /// Waits until the server tells all near caches what changes: before, they keep nothing.
    async fn are_fed(&self) {
        let unfed = std::mem::take(&mut *self.unfed.lock().unwrap());
        let mut looking = tokio::time::interval(Duration::from_millis(1));
        for cached in unfed {
            while !cached.stats().keeping {
                looking.tick().await;
            }
        }
    }

    /// The probe over these sessions, to be called without a connection.
    pub(crate) fn app(&self, sessions: &Sessions) -> App {
        App::new(self.framework, sessions, self.barriers.pause())
    }

    /// Takes the stage down.
    async fn strike(&self) {
        let servers = std::mem::take(&mut *self.servers.lock().unwrap());
        for server in servers {
            server.stop(false).await;
        }
    }

    /// Asserts how many sessions there are, where somebody can count them.
    pub(crate) async fn assert_count(&self, expected: u64) {
        if !self.is_sealed() {
            assert_eq!(self.count().await, expected);
        }
    }

    /// How many sessions there are in the store.
    pub(crate) async fn count(&self) -> u64 {
        let namespace = self.namespace();
        if !self.card().lists {
            return self.ledger.count(&namespace).await;
        }
        let count = Count::new(namespace, Query::default());
        self.store.count(count).await.unwrap()
    }

    /// Ends all sessions there are, also where the store cannot say which.
    pub(crate) async fn end_all(&self, sessions: &Sessions) {
        if self.is_sealed() || self.card().revokes_by_principal {
            sessions.end_everyone().await.unwrap();
            // What begins in the millisecond of that call ends with it.
            self.clock.advance(Duration::from_millis(1));
            return;
        }
        for id in self.written() {
            let delete = Delete::new(sessions.namespace().clone(), id, Owner::Any);
            self.store.delete(delete).await.unwrap();
        }
    }

    /// The sessions that were ever written to the store.
    pub(crate) fn written(&self) -> impl Iterator<Item = Id> {
        self.ledger.ids().into_iter()
    }

    /// All bytes of the store's files, or all that its server was ever sent; nothing where neither can be had.
    pub(crate) fn kept(&self) -> Vec<u8> {
        if let Some(tap) = &self.tap {
            return tap.bytes();
        }
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        let files: Vec<Vec<u8>> = files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        files.concat()
    }

    /// What a browser's session is in the store: asked without its snapshot, and where no node has a copy.
    pub(crate) async fn state_in_the_store(&self, browser: &Browser) -> State {
        let asked = browser.without_snapshot();
        match self.has_near_caches() {
            true => asked.at(self.node().await.address).state().await,
            false => asked.state().await,
        }
    }

    /// The record under an id, as whoever has the store sees it.
    pub(crate) async fn record(&self, id: &str) -> Option<Record> {
        let load = Load::new(self.namespace(), id.parse().unwrap());
        Some(self.store.load(load).await.unwrap()?.record)
    }

    /// Puts a record under an id, as whoever can write to the store does.
    pub(crate) async fn put(&self, id: &str, record: Record) {
        let namespace = self.namespace();
        let id: Id = id.parse().unwrap();
        let present = self.store.load(Load::new(namespace.clone(), id)).await.unwrap();
        let expect = present.map_or(Expect::Absent, |stored| Expect::Revision(stored.revision));
        let written = self.store.write(Write::new(namespace, id, expect, record)).await;
        assert!(matches!(written, Ok(Written::Applied { .. })), "{written:?}");
    }
}

/// A server key for tests, different for each number.
pub(crate) fn server_key(number: usize) -> ServerKey {
    ServerKey::from_bytes(server_key_bytes(number)).unwrap()
}

/// The bytes of one. They are drawn anew each time: keys that could be computed are refused.
pub(crate) fn server_key_bytes(number: usize) -> [u8; ServerKey::LEN] {
    static BYTES: LazyLock<[[u8; ServerKey::LEN]; 8]> = LazyLock::new(|| {
        std::array::from_fn(|_| std::array::from_fn(|_| RandomState::new().hash_one(()) as u8))
    });
    BYTES[number]
}

/// A process that serves the probe on a port of its own, until the test ends.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    /// The same app, to be called without a connection.
    pub(crate) app: App,
}

impl Node {
    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser that is signed in.
    pub(crate) async fn signed_in(&self, principal: &str) -> Browser {
        let browser = self.browser();
        browser.ok(&format!("POST /sign-in?principal={principal}")).await;
        browser
    }

    /// What a token opens.
    pub(crate) async fn state(&self, token: &str) -> State {
        self.browser().with_token(token).state().await
    }

    /// Asserts that a token opens nothing.
    pub(crate) async fn assert_dead(&self, token: &str, context: &str) {
        assert_eq!(self.state(token).await, State::default(), "{context}");
    }

    /// Sends a request with these `Cookie` header lines.
    pub(crate) async fn exchange(&self, request: &str, cookies: &[&str]) -> crate::browser::Answer {
        let cookies: Vec<String> = cookies.iter().map(|line| (*line).to_owned()).collect();
        exchange(self.address, request, &cookies).await
    }
}
