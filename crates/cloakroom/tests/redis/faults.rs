//! What goes wrong: each an error that says what to do, in bounded time, and afterwards the same store works.

use std::time::Duration;

use cloakroom::stores::Redis;
use cloakroom_store::{
    Deleted, ErrorKind, Expect, Revoke, Scope, Store as _, Timestamp, Touch, Write, Written,
};
use cloakroom_testbed::Proxy;
use cloakroom_testbed::redis::{Redis as Server, RedisLaunch};

use crate::fixture::{create, delete, fails, id, load, namespace, principal, record, recovered, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_cut_half_way_is_an_error() {
    let server = Server::start();
    let proxy = Proxy::to(server.server().address());
    let url = format!("redis://{}?connections=1", proxy.address());
    let store = Redis::connect(&url).await.unwrap();
    let mut revision = create(&store, 1, "alice").await;
    for (n, bytes) in [1, 3, 20, 40].into_iter().enumerate() {
        recovered(&store).await;
        proxy.cut_after(bytes);
        let text = fails(ErrorKind::Unavailable, load(&store, 1)).await;
        assert!(text.contains("read a session"), "{text}");
        assert!(
            load(&store, 1).await.unwrap().is_some(),
            "it comes back by itself"
        );

        recovered(&store).await;
        proxy.cut_after(1);
        let second = record("alice", format!("body {n}"));
        let expect = Expect::Revision(revision);
        fails(ErrorKind::Unavailable, write(&store, 1, expect, second.clone())).await;
        // The reply was cut, so the write had been applied.
        let found = load(&store, 1).await.unwrap().unwrap();
        assert_eq!(found.record, second);
        revision = found.revision;
        assert_eq!(proxy.cuts(), 2 * n + 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_vanished_without_a_word_is_replaced() {
    let server = Server::start();
    let proxy = Proxy::to(server.server().address());
    let store = Redis::connect(&format!("redis://{}", proxy.address()))
        .await
        .unwrap();
    create(&store, 1, "alice").await;
    proxy.forget_connections();
    let text = fails(ErrorKind::Unavailable, load(&store, 1)).await;
    assert!(text.contains("no answer within 1s"), "{text}");
    let took = recovered(&store).await;
    println!("replaced after {took:?}");
    assert!(took.as_secs() < 5, "{took:?}");
    assert!(load(&store, 1).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_vanished_is_replaced_though_nobody_waits_for_its_silence() {
    let server = Server::start();
    let proxy = Proxy::to(server.server().address());
    let url = format!("redis://{}?operation_timeout=2s", proxy.address());
    let store = Redis::connect(&url).await.unwrap();
    create(&store, 1, "alice").await;
    proxy.forget_connections();
    // Whoever asks gives up before the store would.
    let mut tries = 0;
    loop {
        let asked = tokio::time::timeout(Duration::from_millis(200), load(&store, 1)).await;
        match asked {
            Ok(Ok(found)) => break assert!(found.is_some()),
            Ok(Err(_)) | Err(_) => tries += 1,
        }
        assert!(tries < 100, "nobody has looked at the connection");
    }
    assert!(tries > 0, "it had vanished");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_stalls_is_an_outage() {
    let server = Server::start();
    let proxy = Proxy::to(server.server().address());
    let store = Redis::connect(&format!("redis://{}", proxy.address()))
        .await
        .unwrap();
    create(&store, 1, "alice").await;
    proxy.stall();
    for _ in 0..3 {
        fails(ErrorKind::Unavailable, load(&store, 1)).await;
    }
    proxy.resume();
    recovered(&store).await;
    proxy.drop_connections();
    recovered(&store).await;
    assert!(load(&store, 1).await.unwrap().is_some());
}

/// The rows of the table of faults.
const FULL: &str = "no room left on the server";
const READ_ONLY: &str = "the server only reads: a replica, or told to";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_memory_is_full_and_changes_nothing() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    let revision = create(&store, 1, "alice").await;
    create(&store, 2, "alice").await;
    let before = load(&store, 1).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);

    let text = fails(
        ErrorKind::Full,
        write(&store, 3, Expect::Absent, record("alice", "")),
    )
    .await;
    assert!(text.contains("maxmemory"), "{text}");
    cloakroom_testbed::note(
        FULL,
        "Redis",
        &format!("writes: \"{text}\"; reads and endings go on"),
    );
    let rewrite = record("bob", "another body");
    fails(
        ErrorKind::Full,
        write(&store, 1, Expect::Revision(revision), rewrite.clone()),
    )
    .await;
    let one = std::num::NonZeroU32::MIN;
    let capped = Write::new(namespace(), id(3), Expect::Absent, record("alice", ""));
    let capped = capped.with_cap(
        cloakroom_store::Cap::EndOldest(one),
        Timestamp::from_unix_millis(1),
    );
    fails(ErrorKind::Full, store.write(capped)).await;
    let touch = Touch::new(namespace(), id(1), revision, Timestamp::MAX, Timestamp::MAX);
    fails(ErrorKind::Full, store.touch(touch)).await;
    // What was there is as it was, and can be ended.
    assert_eq!(load(&store, 1).await.unwrap(), before);
    assert!(load(&store, 3).await.unwrap().is_none());
    assert_eq!(delete(&store, 2).await.unwrap(), Deleted::Ended);
    let all = Scope::Principal {
        principal: principal("bob"),
        keep: None,
    };
    assert_eq!(
        store.revoke(Revoke::new(namespace(), all)).await.unwrap().ended,
        0
    );

    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let written = write(&store, 1, Expect::Revision(revision), rewrite)
        .await
        .unwrap();
    assert!(matches!(written, Written::Applied { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_not_written_to() {
    let primary = Server::start();
    let replica = RedisLaunch::default().replica_of(&primary).start();
    let text = fails(ErrorKind::Unavailable, Redis::connect(&replica.url())).await;
    assert!(
        text.contains("replica") && text.contains("redis-sentinel://"),
        "{text}"
    );

    // One that becomes a replica later, and a primary again.
    let store = Redis::connect(&primary.url()).await.unwrap();
    create(&store, 1, "alice").await;
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    let port = replica.server().port().to_string();
    primary.command(&["REPLICAOF", "127.0.0.1", &port]);
    let text = fails(
        ErrorKind::Unavailable,
        write(&store, 2, Expect::Absent, record("alice", "")),
    )
    .await;
    assert!(text.contains("replica"), "{text}");
    cloakroom_testbed::note(READ_ONLY, "Redis", &format!("writes: \"{text}\""));
    primary.command(&["REPLICAOF", "NO", "ONE"]);
    recovered(&store).await;
    create(&store, 3, "alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_too_few_replicas_says_so() {
    let server = RedisLaunch::default().with("min-replicas-to-write 1").start();
    let store = Redis::connect(&server.url()).await.unwrap();
    let text = fails(
        ErrorKind::Unavailable,
        write(&store, 1, Expect::Absent, record("alice", "")),
    )
    .await;
    assert!(text.contains("min-replicas-to-write"), "{text}");
    assert!(load(&store, 1).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_were_flushed_are_told_again() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    for n in 1..4 {
        server.command(&["SCRIPT", "FLUSH"]);
        create(&store, n, "alice").await;
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(delete(&store, n).await.unwrap(), Deleted::Ended);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_record_is_corrupt_and_stays() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    let key = |n| format!("cloakroom%test%s%{}", id(n));
    server.command(&["SET", &key(1), "hello"]);
    server.command(&["LPUSH", &key(2), "hello"]);
    server.command(&[
        "SET",
        &key(3),
        "\u{2}a record of the next release, which is longer than a head",
    ]);
    for (n, kind) in [
        (1, ErrorKind::Corrupt),
        (2, ErrorKind::Corrupt),
        (3, ErrorKind::NewerFormat),
    ] {
        fails(kind, load(&store, n)).await;
        fails(kind, delete(&store, n)).await;
        fails(kind, write(&store, n, Expect::Absent, record("alice", ""))).await;
        assert_eq!(server.command(&["EXISTS", &key(n)]), "1");
    }
    create(&store, 4, "alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_evicts_does_not_take_the_place_of_one_that_does_not() {
    let server = Server::start();
    let store = Redis::connect(&server.url()).await.unwrap();
    assert!(store.capabilities().revokes_by_principal);
    create(&store, 1, "alice").await;
    let reconnects_to = |policy| {
        server.command(&["CONFIG", "SET", "maxmemory-policy", policy]);
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    };
    reconnects_to("allkeys-lru");
    // The first call may be the one that learns that the connection is gone.
    load(&store, 1).await.ok();
    let text = fails(ErrorKind::Unavailable, load(&store, 1)).await;
    assert!(text.contains("`maxmemory-policy` is noeviction"), "{text}");
    server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    recovered(&store).await;
    assert!(load(&store, 1).await.unwrap().is_some());
    // One that does not tell us says why.
    server.command(&["ACL", "SETUSER", "default", "-info"]);
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    load(&store, 1).await.ok();
    let text = fails(ErrorKind::Unavailable, load(&store, 1)).await;
    assert!(
        text.contains("no permissions to run the 'info' command"),
        "{text}"
    );
    server.command(&["ACL", "SETUSER", "default", "+info"]);
    recovered(&store).await;
    // Where nothing is promised nothing is broken.
    server.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    let store = Redis::connect(&server.url()).await.unwrap();
    reconnects_to("allkeys-lru");
    recovered(&store).await;
}
