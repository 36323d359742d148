//! A sentinel that knows only of a primary from before: it was cut off with it, and the others have chosen another.

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use cloakroom::stores::Redis;
use cloakroom_store::{Expect, Written};
use cloakroom_testbed::redis::{REDIS, Redis as Server, RedisLaunch, command};
use cloakroom_testbed::redis_sentinel::Sentinels;
use cloakroom_testbed::{Launch, Server as Process, wait_until};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, interval};

use crate::fixture::{create, id, record, write};

/// Two primaries of one name, as two sides of a network that has come apart see them.
struct Apart {
    /// The primary from before, which still takes writes, and the sentinel that knows no other.
    old: Server,
    stale: Process,
    /// The one that was chosen since, and the sentinels that did.
    new: Server,
    _replaced: Server,
    others: Sentinels,
}

impl Apart {
    fn start() -> Self {
        let server = || RedisLaunch::default().password("wiltshire");
        let old = server().start();
        let stale = sentinel_of(&old);
        let replaced = server().start();
        let new = server().replica_of(&replaced).start();
        replaced.is_followed_by(1);
        let others = Sentinels::watch(&replaced, 1);
        let asked = others.servers()[0].port();
        command(asked, None, &["SENTINEL", "FAILOVER", "cloakroom"]).unwrap();
        for sentinel in others.servers() {
            wait_until("the sentinels to agree", || {
                knows(sentinel) == Some(new.server().port())
            });
        }
        Self {
            old,
            stale,
            new,
            _replaced: replaced,
            others,
        }
    }

    /// Their URL: the one that is stale first, and two of the others.
    fn url(&self) -> String {
        let [one, two, _] = self.others.servers() else {
            panic!("there are three");
        };
        let (stale, one, two) = (self.stale.address(), one.address(), two.address());
        format!("redis-sentinel://:wiltshire@{stale},{one},{two}/cloakroom?connections=1")
    }

    fn pause_others(&self) {
        self.others.servers().iter().for_each(Process::pause);
    }

    fn resume_others(&self) {
        self.others.servers().iter().for_each(Process::resume);
    }

    /// On which of the two primaries a session is.
    fn side_of(&self, session: u64) -> Side {
        let key = format!("cloakroom%test%s%{}", id(session));
        match [&self.old, &self.new].map(|server| server.command(&["EXISTS", &key])) {
            [old, new] if old == "1" && new == "0" => Side::Old,
            [old, new] if old == "0" && new == "1" => Side::New,
            found => panic!("session {session} is there {found:?} times"),
        }
    }

    /// How often somebody has connected to the sentinel that is stale.
    fn asked(&self) -> u64 {
        let statistics = command(self.stale.port(), None, &["INFO", "stats"]).unwrap();
        let asked = statistics
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        asked.unwrap().trim().parse().unwrap()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Side {
    Old,
    New,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_that_was_cut_off_is_not_believed() {
    let apart = spawn_blocking(Apart::start).await.unwrap();
    let store = Redis::connect(&apart.url()).await.unwrap();
    create(&store, 1, "alice").await;
    assert_eq!(apart.side_of(1), Side::New);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_believed_only_for_as_long_as_nobody_knows_better() {
    let apart = spawn_blocking(Apart::start).await.unwrap();
    apart.pause_others();
    // Whoever is all alone may be right: the others may be gone for good.
    let store = Redis::connect(&apart.url()).await.unwrap();
    create(&store, 0, "alice").await;
    assert_eq!(apart.side_of(0), Side::Old);
    apart.resume_others();
    let begun = Instant::now();
    let mut trying = interval(Duration::from_millis(20));
    let mut session = 1;
    // What is under way when the connection is replaced may fail.
    while !matches!(
        write(&store, session, Expect::Absent, record("alice", "")).await,
        Ok(Written::Applied { .. }) if apart.side_of(session) == Side::New
    ) {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the old one is not left"
        );
        trying.tick().await;
        session += 1;
    }
    // A few that know of nothing later are no reason to go back.
    apart.pause_others();
    let before = apart.asked();
    let mut questions = 1;
    // Each of ours is a connection too.
    while apart.asked() < before + questions + 4 {
        questions += 1;
        assert!(begun.elapsed() < Duration::from_secs(90), "it is not asked again");
        trying.tick().await;
    }
    create(&store, session + 1, "alice").await;
    assert_eq!(apart.side_of(session + 1), Side::New);
    apart.resume_others();
}

/// A sentinel that has never heard of any other.
fn sentinel_of(primary: &Server) -> Process {
    let port = primary.server().port();
    let launch = Launch {
        name: "sentinel",
        program: REDIS,
        user: None,
        arguments: Box::new(|port, directory| {
            let mut arguments = vec![directory.join("sentinel.conf").into_os_string()];
            arguments.extend(["--sentinel", "--port", &port.to_string()].map(OsString::from));
            arguments
        }),
        ready: Box::new(|port| command(port, None, &["PING"]).is_ok()),
    };
    Process::start(launch, |directory| {
        let lines = [
            format!("dir {}", directory.display()),
            "bind 127.0.0.1".to_owned(),
            format!("sentinel monitor cloakroom 127.0.0.1 {port} 1"),
            "sentinel auth-pass cloakroom wiltshire\n".to_owned(),
        ];
        fs::write(directory.join("sentinel.conf"), lines.join("\n")).unwrap();
    })
}

/// The port of the primary, as this one knows it.
fn knows(sentinel: &Process) -> Option<u16> {
    let question = ["SENTINEL", "get-master-addr-by-name", "cloakroom"];
    let answer = command(sentinel.port(), None, &question).ok()?;
    answer.lines().nth(1)?.parse().ok()
}
