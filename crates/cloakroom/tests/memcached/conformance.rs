//! The memcached store keeps the contract, on one server and on several, and over outages.

use std::sync::Arc;

use cloakroom::stores::Memcached;
use cloakroom_store::AnyStore;
use cloakroom_store::conformance::{self, Outage, Outages, Restarts};
use cloakroom_testbed as testbed;

use crate::fixture::BOUND;

#[tokio::test(flavor = "multi_thread")]
async fn the_memcached_store_conforms() {
    let server = testbed::memcached::Memcached::start();
    conformance::run(Memcached::connect(&server.url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memcached_store_counts() {
    let servers = [(); 2].map(|()| testbed::memcached::Memcached::start());
    let hosts = servers
        .each_ref()
        .map(testbed::memcached::Memcached::host)
        .join(",");
    conformance::run_counters(Memcached::connect(&format!("memcache://{hosts}")).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_on_three_servers() {
    let servers = [(); 3].map(|()| testbed::memcached::Memcached::start());
    let hosts = servers
        .each_ref()
        .map(testbed::memcached::Memcached::host)
        .join(",");
    let url = format!("memcache://{hosts}?connections=1&prefix=");
    conformance::run(Memcached::connect(&url).await.unwrap()).await;
    for server in servers {
        assert!(server.stats()["total_items"] > 0, "a server was never used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_serves_all_rules_at_once() {
    let server = testbed::memcached::Memcached::start();
    let store = AnyStore::new(Memcached::connect(&server.url()).await.unwrap());
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
async fn it_conforms_over_restarts() {
    let server = Arc::new(testbed::memcached::Memcached::start());
    let open = move || {
        let server = Arc::clone(&server);
        async move {
            blocking(&server, |server| {
                server.stop();
                server.start_again();
            })
            .await;
            Memcached::connect(&server.url()).await.unwrap()
        }
    };
    conformance::run_restarts(Restarts::new(open.clone())).await;
    conformance::run_counter_restarts(Restarts::of_counters(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_over_outages() {
    let server = Arc::new(testbed::memcached::Memcached::start());
    let store = Memcached::connect(&server.url()).await.unwrap();
    let outages = Outages::new(store.clone(), BOUND, move |outage| {
        let server = Arc::clone(&server);
        async move {
            blocking(&server, move |server| match outage {
                Outage::Stop => server.stop(),
                Outage::Start => server.start_again(),
                Outage::Pause => server.pause(),
                Outage::Resume => server.resume(),
            })
            .await;
        }
    });
    conformance::run_outages(outages.and_counters(store)).await;
}

async fn blocking(
    server: &Arc<testbed::memcached::Memcached>,
    act: impl FnOnce(&testbed::Server) + Send + 'static,
) {
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || act(server.server()))
        .await
        .unwrap();
}
