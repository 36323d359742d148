//! The redis store keeps the contract, on every server there is to test on.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::stores::Redis;
use cloakroom_store::conformance::{self, Outage, Outages, Restarts};
use cloakroom_store::{AddOne, AnyStore, Counters as _, Store as _, TakeBack};
use cloakroom_testbed::redis::{Redis as Server, RedisLaunch};

use crate::fixture;
use crate::watched::Watched;

/// How long a call may take by default, and a little for a busy machine.
const BOUND: Duration = Duration::from_millis(1500 + 500);

#[tokio::test(flavor = "multi_thread")]
async fn the_redis_store_conforms() {
    let server = RedisLaunch::default().start();
    println!("on {}", server.version());
    conformance::run(Redis::connect(&server.url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redis_store_keeps_marks() {
    let server = RedisLaunch::default().start();
    conformance::run_marks(Redis::connect(&server.url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redis_store_counts() {
    let server = RedisLaunch::default().start();
    conformance::run_counters(Redis::connect(&server.url()).await.unwrap()).await;
}

/// Found through sentinels, with replicas beside it.
#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_where_sentinels_name_it() {
    let watched = tokio::task::spawn_blocking(Watched::start).await.unwrap();
    let store = Redis::connect(&watched.url("")).await.unwrap();
    conformance::run_marks(store.clone()).await;
    conformance::run(store).await;
}

/// By the server's clock, and not before they are over by ours.
#[tokio::test(flavor = "multi_thread")]
async fn counters_go_by_themselves() {
    let server = Server::start();
    let store = Redis::connect(&format!("{}?ttl_margin=10m", server.url()))
        .await
        .unwrap();
    let now = cloakroom_store::Timestamp::from(std::time::SystemTime::now());
    let of = |until| {
        let counted = cloakroom_store::Counted::from_bytes([1; 16]);
        cloakroom_store::Counter::new(fixture::namespace(), counted, until)
    };
    let soon = of(now.saturating_add(Duration::from_secs(60)));
    for expected in 1..=2 {
        assert_eq!(store.add(AddOne::new(soon.clone())).await.unwrap(), expected);
    }
    let key = server.command(&["KEYS", "*"]);
    let left: u64 = server.command(&["PTTL", key.trim()]).trim().parse().unwrap();
    assert!((600_000..=660_000).contains(&left), "{left}");
    // What was taken back leaves nothing, and what is never over stays.
    for _ in 0..2 {
        store.take_back(TakeBack::new(soon.clone())).await.unwrap();
    }
    assert_eq!(server.command(&["DBSIZE"]), "0");
    let ever = of(cloakroom_store::Timestamp::MAX);
    store.add(AddOne::new(ever)).await.unwrap();
    let key = server.command(&["KEYS", "*"]);
    assert_eq!(server.command(&["PTTL", key.trim()]), "-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms_over_a_socket_in_another_database() {
    let server = Server::start();
    let url = format!("{}?db=3&connections=1&prefix=other*", server.socket_url());
    let store = Redis::connect(&url).await.unwrap();
    conformance::run_marks(store.clone()).await;
    conformance::run(store).await;
    assert_eq!(server.command(&["DBSIZE"]), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_serves_all_rules_at_once() {
    let server = Server::start();
    let store = AnyStore::new(Redis::connect(&server.url()).await.unwrap());
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
async fn it_conforms_where_keys_are_evicted() {
    let server = RedisLaunch::default()
        .with("maxmemory-policy allkeys-lru")
        .start();
    let store = Redis::connect(&server.url()).await.unwrap();
    let card = store.capabilities();
    assert!(card.may_evict && !card.lists && !card.revokes_by_principal);
    conformance::run(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_durable_server_answered_survives() {
    restarts(RedisLaunch::default().durable().start(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_nothing_works_after_a_restart() {
    restarts(Server::start(), false).await;
}

async fn restarts(server: Server, survives: bool) {
    let server = Arc::new(server);
    let store = Redis::connect(&server.url()).await.unwrap();
    assert_eq!(store.capabilities().survives_restart, survives);
    let open = move || {
        let server = Arc::clone(&server);
        async move {
            server.server().stop();
            server.server().start_again();
            Redis::connect(&server.url()).await.unwrap()
        }
    };
    conformance::run_restarts(Restarts::new(open.clone())).await;
    conformance::run_counter_restarts(Restarts::of_counters(open.clone())).await;
    conformance::run_mark_restarts(Restarts::of_marks(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_an_error_and_the_store_recovers() {
    outages(Server::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_a_durable_server_loses_nothing() {
    outages(RedisLaunch::default().durable().start()).await;
}

async fn outages(server: Server) {
    let store = Redis::connect(&server.url()).await.unwrap();
    let server = Arc::new(server);
    let outages = Outages::new(store.clone(), BOUND, move |outage| {
        let server = Arc::clone(&server);
        async move {
            let blocking = tokio::task::spawn_blocking(move || match outage {
                Outage::Stop => server.server().stop(),
                Outage::Start => server.server().start_again(),
                Outage::Pause => server.server().pause(),
                Outage::Resume => server.server().resume(),
            });
            blocking.await.unwrap();
        }
    });
    conformance::run_outages(outages.and_counters(store.clone()).and_marks(store)).await;
}
