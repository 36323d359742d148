//! A primary that is lost under load: bounded waits, recovery by itself, and what was lost is counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom::stores::RedisCluster;
use cloakroom_store::{ErrorKind, Expect, Store, Written};
use cloakroom_testbed::{redis_cluster, wait_until};
use tokio::task::JoinSet;

use crate::fixture::{BOUND, applied, load, record, record_of, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_killed_under_load_is_replaced_by_its_replica() {
    let cluster = Arc::new(redis_cluster::RedisClusterLaunch::new(3).replicas(1).start());
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut working = JoinSet::new();
    for worker in 0..8_u64 {
        let (store, is_over) = (store.clone(), Arc::clone(&is_over));
        working.spawn(async move {
            // What was answered: for each session the number that it has, at least.
            let mut acknowledged = BTreeMap::new();
            let (mut failed, mut slowest) = (0, Duration::ZERO);
            let mut n = 0;
            while !is_over.load(Ordering::SeqCst) {
                let session = 10_000 * worker + n % 50;
                n += 1;
                let begun = Instant::now();
                let answer = one_more(&store, session).await;
                slowest = slowest.max(begun.elapsed());
                match answer {
                    Ok(Some(count)) => {
                        acknowledged.insert(session, count);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                        failed += 1;
                    }
                }
            }
            (acknowledged, failed, slowest)
        });
    }
    let (killer, begun) = (Arc::clone(&cluster), Instant::now());
    let outage = tokio::task::spawn_blocking(move || {
        let sees = |text: &str| {
            let nodes = killer.nodes()[1].command(&["CLUSTER", "NODES"]);
            nodes.lines().filter(|line| line.contains(text)).count()
        };
        wait_until("some work to be done", || {
            begun.elapsed() > Duration::from_secs(1)
        });
        // The first, unless a busy machine has had it replaced already.
        let lost = killer.owner(0);
        killer.nodes()[lost].server().stop();
        let killed = Instant::now();
        wait_until("its replica to take over", || {
            killer.owner_by(1, 0).is_some_and(|owner| owner != lost)
        });
        let took_over = killed.elapsed();
        wait_until("some work to be done", || {
            killed.elapsed() > took_over + Duration::from_secs(1)
        });
        assert!(sees("fail") > 0);
        took_over
    });
    let took_over = outage.await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    let (mut lost, mut answered, mut failed, mut slowest) = (0, 0, 0, Duration::ZERO);
    for (acknowledged, errors, slow) in working.join_all().await {
        failed += errors;
        slowest = slowest.max(slow);
        for (session, count) in acknowledged {
            let kept = load(&store, session)
                .await
                .unwrap()
                .map_or(0, |stored| number(&stored.record.body));
            lost += count - kept.min(count);
            answered += count;
        }
    }
    println!(
        "replica took over in {took_over:.1?}, {failed} calls failed, slowest two calls {slowest:.1?}, lost {lost} of \
         {answered} writes"
    );
    // Two calls each, a load and a write.
    assert!(slowest < 2 * BOUND, "{slowest:?}");
    assert!(failed > 0, "the outage was noticed");
    store.ping().await.unwrap();
    // The old one comes back as a replica, and nobody minds.
    for node in cluster.nodes() {
        node.server().start_again();
    }
    cluster.is_ok();
    for session in 0..50 {
        one_more(&store, session).await.unwrap();
    }
}

/// Adds one to a session's number, and answers the new one, or nothing when somebody else was faster.
async fn one_more(store: &RedisCluster, session: u64) -> Result<Option<u64>, cloakroom_store::Error> {
    let (expect, count) = match load(store, session).await? {
        Some(seen) => (Expect::Revision(seen.revision), number(&seen.record.body) + 1),
        None => (Expect::Absent, 1),
    };
    match write(store, session, expect, record_of("alice", &count.to_string())).await? {
        Written::Applied { .. } => Ok(Some(count)),
        _ => Ok(None),
    }
}

fn number(body: &[u8]) -> u64 {
    std::str::from_utf8(body).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_primary_is_away_the_others_slots_work() {
    for away in [redis_kill as fn(&redis_cluster::RedisCluster), redis_pause] {
        let cluster = redis_cluster::RedisCluster::start(3);
        // Otherwise the others stop as well, which Redis does unless it is told not to.
        for node in cluster.nodes() {
            node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
        }
        let store = RedisCluster::connect(&cluster.url()).await.unwrap();
        for n in 0..30 {
            applied(write(&store, n, Expect::Absent, record("a")).await.unwrap());
        }
        away(&cluster);
        let (mut up, mut down) = (0, 0);
        for n in 0..30 {
            let begun = Instant::now();
            match load(&store, n).await {
                Ok(found) => {
                    up += 1;
                    assert!(found.is_some(), "an outage is not an absence");
                }
                Err(error) => {
                    down += 1;
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                }
            }
            assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        }
        assert!(up > 0 && down > 0, "{up} answered, {down} did not");
        assert_eq!(store.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
        cluster.nodes()[0].server().resume();
        cluster.nodes()[0].server().start_again();
        cluster.is_ok();
        let begun = Instant::now();
        let mut asking = tokio::time::interval(Duration::from_millis(20));
        while store.ping().await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not recover");
            asking.tick().await;
        }
    }
}

fn redis_kill(cluster: &redis_cluster::RedisCluster) {
    cluster.nodes()[0].server().stop();
}

fn redis_pause(cluster: &redis_cluster::RedisCluster) {
    cluster.nodes()[0].server().pause();
}
