//! The PostgreSQL store keeps the contract, also over restarts and outages of its server.

use std::sync::Arc;

use cloakroom::stores::Postgres;
use cloakroom_store::conformance::{self, Outages, Restarts};
use cloakroom_store::{AnyStore, Store as _};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{BOUND, PATIENT, outage, patient, with};

#[tokio::test(flavor = "multi_thread")]
async fn the_postgres_store_keeps_marks() {
    let server = Server::start();
    conformance::run_marks(patient(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_postgres_store_counts() {
    let server = Server::start();
    let url = with(&server, &format!("unlogged=true&{PATIENT}"));
    conformance::run_counters(Postgres::connect(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_postgres_store_conforms() {
    let server = Server::start();
    let url = with(&server, PATIENT);
    conformance::run(Postgres::connect(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_in_a_schema_of_its_own_with_one_connection() {
    let server = Server::start();
    let url = with(
        &server,
        &format!("schema=my%20%22sessions%22&connections=1&{PATIENT}"),
    );
    conformance::run(Postgres::connect(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_serves_all_rules_at_once() {
    let server = Server::start();
    let url = with(&server, PATIENT);
    let store = AnyStore::new(Postgres::connect(&url).await.unwrap());
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
async fn what_it_keeps_survives_that_the_server_is_killed() {
    restarts(PATIENT, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unlogged_tables_work_again_after_the_server_is_killed() {
    restarts(&format!("unlogged=true&{PATIENT}"), false).await;
}

async fn restarts(options: &str, survive: bool) {
    let server = Arc::new(Server::start());
    let url = with(&server, options);
    let survives = Postgres::connect(&url)
        .await
        .unwrap()
        .capabilities()
        .survives_restart;
    assert_eq!(survives, survive);
    let open = move || {
        let (server, url) = (Arc::clone(&server), url.clone());
        async move {
            outage(Arc::clone(&server), conformance::Outage::Stop).await;
            outage(server, conformance::Outage::Start).await;
            Postgres::connect(&url).await.unwrap()
        }
    };
    conformance::run_restarts(Restarts::new(open.clone())).await;
    conformance::run_counter_restarts(Restarts::of_counters(open.clone())).await;
    conformance::run_mark_restarts(Restarts::of_marks(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_are_errors_in_bounded_time() {
    let server = Arc::new(Server::start());
    let store = Postgres::connect(&server.url()).await.unwrap();
    let does = move |what| outage(Arc::clone(&server), what);
    let outages = Outages::new(store.clone(), BOUND, does).and_counters(store.clone());
    conformance::run_outages(outages.and_marks(store)).await;
}
