//! Counters on a server that sentinels name, before and after another has taken its place.

use std::time::{Duration, Instant, SystemTime};

use cloakroom::stores::Redis;
use cloakroom_store::{AddOne, Counted, Counter, Counters as _, ErrorKind, Timestamp, conformance};
use cloakroom_testbed::wait_until;
use tokio::task::spawn_blocking;
use tokio::time::interval;

use crate::fixture::namespace;
use crate::watched::Watched;

#[tokio::test(flavor = "multi_thread")]
async fn counting_goes_on_where_a_replica_takes_over() {
    let watched = spawn_blocking(Watched::start).await.unwrap();
    let store = Redis::connect(&watched.url("")).await.unwrap();
    conformance::run_counters(store.clone()).await;
    let until = Timestamp::from(SystemTime::now()).saturating_add(Duration::from_hours(1));
    let counted = Counted::from_bytes([7; Counted::LEN]);
    let add = AddOne::new(Counter::new(namespace(), counted, until));
    for expected in 1..=5 {
        assert_eq!(store.add(add.clone()).await.unwrap(), expected);
    }
    let key = format!("cloakroom%test%c%{counted}%{}", until.as_unix_millis());
    let demoting = spawn_blocking({
        let key = key.clone();
        move || {
            for server in &watched.servers {
                // What no replica has is lost: the card says that there may be some.
                wait_until("the replicas to have it", || {
                    server.command(&["GET", &key]) == "5"
                });
            }
            watched.primary_is_demoted();
            watched
        }
    });
    let watched = demoting.await.unwrap();
    let begun = Instant::now();
    let mut trying = interval(Duration::from_millis(20));
    let found = loop {
        match store.add(add.clone()).await {
            Ok(found) => break found,
            // Whoever only reads has counted nothing.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it finds no primary");
        trying.tick().await;
    };
    assert_eq!(found, 6);
    assert_eq!(store.add(add).await.unwrap(), 7);
    assert_eq!(watched.primary().command(&["GET", &key]), "7");
    let left = watched.primary().command(&["PTTL", &key]);
    assert!(left.parse::<u64>().is_ok_and(|left| left > 0), "{left}");
}
