//! How many commands each verb sends, by the server's own count.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;

use cloakroom::stores::Redis;
use cloakroom::{Outcome, Sessions};
use cloakroom_store::{
    Cap, Expect, List, Query, Revoke, Scope, Store as _, Sweep, Timestamp, Touch, Touched, Write,
};
use cloakroom_testbed::redis::Redis as Server;
use tokio::time::timeout;

use crate::fixture::{applied, create, delete, id, load, namespace, principal, record, write};
use crate::watched::Watched;

/// What a client sends, as opposed to what scripts call.
const SENT: &[&str] = &["eval", "evalsha", "get", "ping", "scan", "script|load", "wait"];

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_but_listing_is_one_request() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    // Once for the scripts to be known.
    let revision = create(&store, 1, "alice").await;
    let touch = Touch::new(namespace(), id(1), revision, Timestamp::MAX, Timestamp::MAX);
    store.touch(touch.clone()).await.unwrap();
    create(&store, 2, "bob").await;
    delete(&store, 2).await.unwrap();
    let all = |who| Scope::Principal {
        principal: principal(who),
        keep: None,
    };
    store
        .revoke(Revoke::new(namespace(), all("carol")))
        .await
        .unwrap();
    let list = List::new(
        namespace(),
        Query::default().principal(principal("alice")),
        NonZeroUsize::MIN,
    );
    store.list(list.clone()).await.unwrap();

    server.command(&["CONFIG", "RESETSTAT"]);
    let count = || sent(&server);
    load(&store, 1).await.unwrap();
    assert_eq!(count(), [("get", 1)].into(), "a load");
    load(&store, 9).await.unwrap();
    assert_eq!(count(), [("get", 1)].into(), "a load of nothing");
    write(&store, 1, Expect::Revision(revision), record("alice", "b"))
        .await
        .unwrap();
    assert_eq!(count(), [("evalsha", 1)].into(), "a write");
    let capped = Write::new(namespace(), id(3), Expect::Absent, record("alice", ""));
    let capped = capped.with_cap(Cap::EndOldest(NonZeroU32::MIN), Timestamp::from_unix_millis(1));
    store.write(capped).await.unwrap();
    assert_eq!(count(), [("evalsha", 1)].into(), "a sign-in that ends another");
    store.touch(touch).await.unwrap();
    assert_eq!(count(), [("evalsha", 1)].into(), "a touch");
    delete(&store, 1).await.unwrap();
    assert_eq!(count(), [("evalsha", 1)].into(), "a delete");
    store.list(list).await.unwrap();
    assert_eq!(count(), [("evalsha", 1)].into(), "a page of a principal");
    store
        .revoke(Revoke::new(namespace(), all("alice")))
        .await
        .unwrap();
    assert_eq!(count(), [("evalsha", 1)].into(), "a revocation");
    store.ping().await.unwrap();
    assert_eq!(count(), [("ping", 1)].into(), "a ping");
    let sweep = Sweep::new(namespace(), Timestamp::MAX, NonZeroUsize::MIN);
    store.sweep(sweep).await.unwrap();
    assert_eq!(count(), BTreeMap::new(), "a sweep");
}

/// What was sent since the last time.
fn sent(server: &Server) -> BTreeMap<&'static str, u64> {
    let calls: BTreeMap<_, _> = server.calls().into_iter().collect();
    let sent = SENT
        .iter()
        .filter_map(|name| Some((*name, *calls.get(*name)?)))
        .collect();
    server.command(&["CONFIG", "RESETSTAT"]);
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_goes_with_its_sessions_and_does_not_grow() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    // Sessions that Redis removes by itself, as it does with those that have expired.
    for n in 0..200 {
        create(&store, n, "alice").await;
        server.command(&["DEL", &format!("cloakroom%test%s%{}", id(n))]);
    }
    let index = "cloakroom%test%p%alice";
    let filed: usize = server.command(&["ZCARD", index]).parse().unwrap();
    assert!(filed < 10, "{filed} entries without a session");
    let left: i64 = server.command(&["PTTL", index]).parse().unwrap();
    let (day, stretch) = (86_400_000, 1 << 24);
    assert!((day..=day + stretch + 600_000).contains(&left), "{left}");
    // One that lives longer takes it along, also when it is touched.
    let mut record = record("alice", "");
    record.expires = record.created.saturating_add(Duration::from_secs(2 * 86_400));
    write(&store, 300, Expect::Absent, record).await.unwrap();
    create(&store, 301, "alice").await;
    let left: i64 = server.command(&["PTTL", index]).parse().unwrap();
    assert!(left > 2 * day, "{left}");
    let revision = create(&store, 302, "alice").await;
    let now = Timestamp::from(std::time::SystemTime::now());
    let later = now.saturating_add(Duration::from_secs(3 * 86_400));
    store
        .touch(Touch::new(namespace(), id(302), revision, later, later))
        .await
        .unwrap();
    for key in [index.to_owned(), format!("cloakroom%test%s%{}", id(302))] {
        let left: i64 = server.command(&["PTTL", &key]).parse().unwrap();
        assert!(left > 3 * day, "{key}: {left}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_outlives_a_session_whose_expiry_moves_and_is_seldom_written() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    let mut record = record("alice", "");
    // At the beginning of a stretch, within which nothing has to be done to the index.
    record.expires = Timestamp::from_unix_millis(((record.expires.as_unix_millis() >> 24) + 1) << 24);
    let mut revision = applied(write(&store, 1, Expect::Absent, record.clone()).await.unwrap());
    let left = |key: &str| -> i64 { server.command(&["PTTL", key]).parse().unwrap() };
    let (index, session) = ("cloakroom%test%p%alice", format!("cloakroom%test%s%{}", id(1)));
    sent(&server);
    let mut filed = 0;
    for minutes in [1, 1, 200, 1, 300, 1, 1, 600, 2, 40_000, 1, 1, 250, 1, 301] {
        record.expires = record.expires.saturating_add(Duration::from_secs(60 * minutes));
        if minutes % 2 == 0 {
            let touch = Touch::new(namespace(), id(1), revision, record.expires, record.expires);
            let touched = store.touch(touch).await.unwrap();
            assert_eq!(touched, Touched::Applied(revision));
        } else {
            let expect = Expect::Revision(revision);
            revision = applied(write(&store, 1, expect, record.clone()).await.unwrap());
        }
        assert!(left(index) >= left(&session), "after {minutes} minutes");
        let calls: BTreeMap<_, _> = server.calls().into_iter().collect();
        filed += calls.get("zadd").copied().unwrap_or_default();
        sent(&server);
    }
    assert_eq!(filed, 4, "as often as the expiry comes to another stretch");
    // What never expires, and what does so as late as can be, is in an index that never goes.
    for expires in [i64::MAX as u64 - 700_000, i64::MAX as u64] {
        record.expires = Timestamp::from_unix_millis(expires);
        let expect = Expect::Revision(revision);
        revision = applied(write(&store, 1, expect, record.clone()).await.unwrap());
        assert_eq!(left(index), -1, "{expires}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_ends_everyone_looks_at_few_keys_and_the_next_goes_on_from_there() {
    let server = among_others();
    let store = Redis::connect(&server.url()).await.unwrap();
    for n in 0..20 {
        create(&store, n, "alice").await;
    }
    let begun_before = Timestamp::MAX;
    let everyone = Revoke::new(namespace(), Scope::Everyone { begun_before });
    let limited = everyone.at_most(NonZeroUsize::new(1000).unwrap());
    let (mut ended, mut steps, mut after) = (0, 0, None);
    sent(&server);
    loop {
        let revoked = store.revoke(limited.clone().after(after)).await.unwrap();
        let scans = sent(&server)["scan"];
        assert!(scans <= 64, "{scans} at once");
        (ended, steps) = (ended + revoked.ended, steps + 1);
        assert_eq!(revoked.more, revoked.next.is_some());
        if !revoked.more {
            break;
        }
        after = revoked.next;
        // Far more than there are, were each to begin at the beginning.
        assert!(steps < 400, "it does not come to an end");
    }
    assert_eq!(ended, 20);
    assert!(steps > 1, "one step was enough");
    println!("{steps} steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_everyones_sessions_comes_to_an_end_among_the_keys_of_others() {
    let server = among_others();
    let sessions = Sessions::new(Redis::connect(&server.url()).await.unwrap());
    let session = sessions.open([].into_iter()).await.unwrap();
    session.sign_in("alice").unwrap();
    assert!(sessions.finish(&session, Outcome::Success).await.result.is_ok());
    sent(&server);
    let ending = timeout(Duration::from_secs(60), sessions.end_everyone());
    assert_eq!(ending.await.expect("it comes to an end").unwrap(), 1);
    let scans = sent(&server)["scan"];
    // Once through all, as the steps of a table that is no fuller than half go.
    assert!(scans <= 4 * OTHERS / 512, "{scans} pages");
}

/// How many keys of others there are: too many for one step.
const OTHERS: u64 = 200_000;

/// A server on which sessions are few among the keys of somebody else.
fn among_others() -> Server {
    let server = Server::start();
    let fill = format!("for n = 1, {OTHERS} do redis.call('SET', 'theirs' .. n, 1) end");
    server.command(&["EVAL", &fill, "0"]);
    server
}

// One worker that runs all tasks, as it would run the driver after each of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_commands_of_concurrent_tasks_leave_together() {
    let server = Server::start();
    leave_together(&server, &server.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn they_leave_together_for_a_primary_that_sentinels_know_too() {
    let watched = Watched::start();
    leave_together(watched.primary(), &watched.url("")).await;
}

async fn leave_together(server: &Server, url: &str) {
    let store = Redis::connect(url).await.unwrap();
    create(&store, 1, "alice").await;
    let before = traffic(server);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..50 {
                load(&store, 1).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let after = traffic(server);
    let (reads, commands) = (after.0 - before.0, after.1 - before.1);
    println!("{commands} commands of 64 tasks came in {reads} reads");
    assert!(commands >= 3200 && reads * 8 < commands, "{commands} in {reads}");
}

/// How often the server has read from a connection, and how many commands that were.
fn traffic(server: &Server) -> (u64, u64) {
    let statistics = server.command(&["INFO", "stats"]);
    let field = |name: &str| {
        let found = statistics.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().trim().parse().unwrap()
    };
    (
        field("total_reads_processed:"),
        field("total_commands_processed:"),
    )
}
