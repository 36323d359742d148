//! The MySQL store keeps the contract: on a server that is well, over its restarts, and while it is away.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloakroom::stores::Mysql;
use cloakroom_store::conformance::{self, Outage, Outages, Restarts};
use cloakroom_store::{AnyStore, Expect, Store, Written};
use cloakroom_testbed::mysql::Mysqld;

use super::fixture::{self, BOUND, create, id, load, patient, record_of, shared};

#[tokio::test(flavor = "multi_thread")]
async fn the_mysql_store_keeps_marks() {
    let url = fixture::database(shared(), "marks").await;
    conformance::run_marks(patient(&url).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mysql_store_counts() {
    let url = fixture::database(shared(), "counts").await;
    conformance::run_counters(patient(&url).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mysql_store_conforms() {
    let url = fixture::database(shared(), "conforms").await;
    conformance::run(patient(&url).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_serves_all_rules_at_once() {
    let url = fixture::database(shared(), "all_at_once").await;
    let store = AnyStore::new(patient(&url).await);
    let mut checking = tokio::task::JoinSet::new();
    for rule in conformance::rules() {
        let store = store.clone();
        checking.spawn(async move { rule.check(store).await });
    }
    for checked in checking.join_all().await {
        assert_eq!(checked, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_through_a_socket() {
    fixture::database(shared(), "through_a_socket").await;
    let socket = shared().socket();
    let url = format!(
        "mysql://app:{}@localhost/through_a_socket?socket={}",
        Mysqld::PASSWORD,
        socket.display()
    );
    conformance::run(patient(&url).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_that_the_server_is_killed() {
    let server = Arc::new(Mysqld::start());
    let store = patient(&server.url()).await;
    assert!(store.capabilities().survives_restart);
    let open = move || {
        let server = Arc::clone(&server);
        async move {
            tokio::task::block_in_place(|| {
                server.server().stop();
                server.server().start_again();
            });
            patient(&server.url()).await
        }
    };
    conformance::run_restarts(Restarts::new(open.clone())).await;
    conformance::run_counter_restarts(Restarts::of_counters(open.clone())).await;
    conformance::run_mark_restarts(Restarts::of_marks(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_are_errors_in_bounded_time_and_end_by_themselves() {
    let server = Arc::new(Mysqld::start());
    let store = Mysql::connect(&server.url()).await.unwrap();
    let does = move |outage| {
        let server = Arc::clone(&server);
        async move {
            tokio::task::block_in_place(|| match outage {
                Outage::Stop => server.server().stop(),
                Outage::Start => server.server().start_again(),
                Outage::Pause => server.server().pause(),
                Outage::Resume => server.server().resume(),
            });
        }
    };
    let outages = Outages::new(store.clone(), BOUND, does).and_counters(store.clone());
    conformance::run_outages(outages.and_marks(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answered_write_is_lost_when_the_server_is_killed_under_load() {
    let server = Mysqld::start();
    let store = Mysql::connect(&server.url()).await.unwrap();
    let answered = Arc::new(Mutex::new(Vec::new()));
    let mut writers = tokio::task::JoinSet::new();
    let begun = Instant::now();
    for writer in 0..16 {
        let (store, answered) = (store.clone(), Arc::clone(&answered));
        writers.spawn(async move {
            for n in 0.. {
                let session = id(writer * 1_000_000 + n);
                let write = fixture::write(&store, session, Expect::Absent, record_of("alice", "body"));
                match write.await {
                    Ok(Written::Applied { revision, .. }) => {
                        answered.lock().unwrap().push((session, revision));
                    }
                    Ok(other) => panic!("a new session: {other:?}"),
                    Err(_) if begun.elapsed() < Duration::from_secs(60) => return,
                    Err(error) => panic!("the server was never killed: {error}"),
                }
            }
        });
    }
    let answers = || answered.lock().unwrap().len();
    while answers() < 500 {
        tokio::task::yield_now().await;
    }
    tokio::task::block_in_place(|| server.server().stop());
    writers.join_all().await;
    tokio::task::block_in_place(|| server.server().start_again());
    let answered = answered.lock().unwrap().clone();
    let mut lost = 0;
    for (session, revision) in &answered {
        let kept = load(&store, *session).await.unwrap();
        lost += usize::from(kept.is_none_or(|kept| kept.revision != *revision));
    }
    println!("of {} answered writes {lost} were lost", answered.len());
    assert_eq!(lost, 0);
    create(&store, id(1 << 40), record_of("alice", "again")).await;
}
