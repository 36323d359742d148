//! What verbs cost the server, by its own statistics.

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom::stores::Mysql;
use cloakroom_store::{
    Cap, Count, Delete, Expect, List, Owner, Query, Revoke, Scope, Store, Sweep, Touch, Write,
};
use cloakroom_testbed::mysql::Mysqld;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::fixture::{
    admin, create, id, load, moment, namespace, patient, principal, record_of, status, write,
};

/// How many statements the server was sent while a verb ran; what it runs in a procedure is not counted.
async fn statements(admin: &mut Conn, verb: impl Future<Output = ()>) -> u64 {
    let before = status(admin, "Com_stmt_execute").await + status(admin, "Com_stmt_prepare").await;
    verb.await;
    status(admin, "Com_stmt_execute").await + status(admin, "Com_stmt_prepare").await - before
}

#[tokio::test]
async fn a_verb_is_as_many_statements_as_documented() {
    // A server of its own: its statistics are of everybody.
    let server = Mysqld::start();
    let store = Mysql::connect(&format!("{}?connections=1", server.url()))
        .await
        .unwrap();
    let mut admin = admin(&server).await;
    let limit = 100.try_into().unwrap();
    let capped = |n| {
        Write::new(namespace(), id(n), Expect::Absent, record_of("carol", "body"))
            .with_cap(Cap::EndOldest(NonZeroU32::MIN), moment(60))
    };
    let everyone = Scope::Everyone {
        begun_before: moment(1),
    };
    let of_alice = || Scope::Principal {
        principal: principal("alice"),
        keep: None,
    };
    // The first round prepares the statements, which is one more for each.
    for round in 0..2 {
        let mut counted = Vec::new();
        let n = round * 1000;
        let revision = create(&store, id(n), record_of("alice", "body")).await;
        create(&store, id(n + 1), record_of("bob", "body")).await;
        let mut count =
            async |what: &str, expected: u64, verb: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| {
                counted.push((what.to_owned(), expected, statements(&mut admin, verb).await));
            };
        count(
            "a load",
            1,
            Box::pin(async { drop(load(&store, id(n)).await.unwrap()) }),
        )
        .await;
        count(
            "a load of nothing",
            1,
            Box::pin(async { drop(load(&store, id(n + 500)).await.unwrap()) }),
        )
        .await;
        count(
            "a create",
            1,
            Box::pin(async {
                _ = create(&store, id(n + 2), record_of("alice", "")).await;
            }),
        )
        .await;
        count(
            "a refused create",
            1,
            Box::pin(async {
                write(&store, id(n), Expect::Absent, record_of("alice", ""))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a replacement",
            1,
            Box::pin(async {
                write(&store, id(n), Expect::Revision(revision), record_of("alice", ""))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a refused replacement",
            1,
            Box::pin(async {
                write(&store, id(n), Expect::Revision(revision), record_of("alice", ""))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a touch",
            1,
            Box::pin(async {
                let touch = Touch::new(namespace(), id(n + 1), revision, moment(100), moment(7200));
                store.touch(touch).await.unwrap();
            }),
        )
        .await;
        count(
            "a write with a cap",
            1,
            Box::pin(async { drop(store.write(capped(n + 3)).await.unwrap()) }),
        )
        .await;
        count(
            "a write that ends the oldest",
            1,
            Box::pin(async { drop(store.write(capped(n + 4)).await.unwrap()) }),
        )
        .await;
        count(
            "a delete",
            1,
            Box::pin(async {
                let owner = Owner::Is(Some(principal("bob")));
                store
                    .delete(Delete::new(namespace(), id(n + 1), owner))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a delete of nothing",
            2,
            Box::pin(async {
                let owner = Owner::Is(Some(principal("bob")));
                store
                    .delete(Delete::new(namespace(), id(n + 1), owner))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a delete of anybody's",
            1,
            Box::pin(async {
                store
                    .delete(Delete::new(namespace(), id(n + 1), Owner::Any))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a page",
            1,
            Box::pin(async {
                store
                    .list(List::new(namespace(), Query::default(), limit))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a count",
            1,
            Box::pin(async {
                store
                    .count(Count::new(namespace(), Query::default()))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count("a ping", 1, Box::pin(async { store.ping().await.unwrap() })).await;
        count(
            "revoking a principal",
            1,
            Box::pin(async {
                store.revoke(Revoke::new(namespace(), of_alice())).await.unwrap();
            }),
        )
        .await;
        count(
            "revoking everyone",
            2,
            Box::pin(async {
                store
                    .revoke(Revoke::new(namespace(), everyone.clone()))
                    .await
                    .unwrap();
            }),
        )
        .await;
        count(
            "a sweep",
            4,
            Box::pin(async {
                store
                    .sweep(Sweep::new(namespace(), moment(0), limit))
                    .await
                    .unwrap();
            }),
        )
        .await;
        if round == 1 {
            for (what, expected, counted) in counted {
                assert_eq!(counted, expected, "statements for {what}");
            }
        }
    }
}

#[tokio::test]
async fn a_touch_does_not_write_the_body_again() {
    let server = Mysqld::start();
    let store = patient(&server.url()).await;
    let mut admin = admin(&server).await;
    // One body beside the page, and one in it.
    for (n, size) in [(1, 512 << 10), (2, 4 << 10)] {
        let revision = create(&store, id(n), record_of("alice", vec![7; size])).await;
        let before = status(&mut admin, "Innodb_os_log_written").await;
        for minute in 0..100_u64 {
            let later = moment(4000).saturating_add(Duration::from_secs(60 * minute));
            let touch = Touch::new(namespace(), id(n), revision, later, later);
            store.touch(touch).await.unwrap();
        }
        let written = status(&mut admin, "Innodb_os_log_written").await - before;
        println!("a touch of {size} bytes logs {} bytes", written / 100);
        assert!(
            written / 100 < 2048,
            "{written} bytes were logged for 100 touches"
        );
    }
}

#[tokio::test]
async fn ending_a_few_of_many_reads_only_a_few() {
    let server = Mysqld::start();
    let store = patient(&server.url()).await;
    let mut admin = admin(&server).await;
    // Ten thousand, all of them expired and begun long ago: where an optimizer prefers to read them all.
    let digits = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL \
                  SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let fill = format!(
        "INSERT INTO cloakroom.cloakroom_sessions \
         SELECT '{}', UNHEX(MD5(n)), n, CONCAT('user', n DIV 2500), n, n, n, NULL, REPEAT('x', 300) \
         FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n FROM {digits} a, {digits} b, {digits} c, {digits} e) \
         AS numbers",
        namespace().as_str()
    );
    admin.query_drop(fill).await.unwrap();
    admin
        .query_drop("ANALYZE TABLE cloakroom.cloakroom_sessions")
        .await
        .unwrap();
    let limit = 100.try_into().unwrap();
    let of_somebody = Scope::Principal {
        principal: principal("user1"),
        keep: None,
    };
    let everyone = Scope::Everyone {
        begun_before: moment(0),
    };
    let by_principal = List::new(namespace(), Query::default().principal(principal("user2")), limit);
    let before = read(&mut admin).await;
    store
        .sweep(Sweep::new(namespace(), moment(0), limit))
        .await
        .unwrap();
    let swept = read(&mut admin).await;
    store
        .revoke(Revoke::new(namespace(), everyone).at_most(limit))
        .await
        .unwrap();
    let revoked = read(&mut admin).await;
    store
        .revoke(Revoke::new(namespace(), of_somebody).at_most(limit))
        .await
        .unwrap();
    let ended = read(&mut admin).await;
    store.list(by_principal).await.unwrap();
    let listed = read(&mut admin).await;
    println!(
        "rows read: {} to sweep, {} to revoke everyone's, {} to revoke a principal's, {} to list",
        swept - before,
        revoked - swept,
        ended - revoked,
        listed - ended
    );
    for (from, to) in [
        (before, swept),
        (swept, revoked),
        (revoked, ended),
        (ended, listed),
    ] {
        assert!(to - from < 1500, "{} rows were read for a hundred", to - from);
    }
}

/// How many rows the server has read.
async fn read(admin: &mut Conn) -> u64 {
    let mut sum = 0;
    for how in ["key", "next", "rnd", "rnd_next", "first"] {
        sum += status(admin, &format!("Handler_read_{how}")).await;
    }
    sum
}
