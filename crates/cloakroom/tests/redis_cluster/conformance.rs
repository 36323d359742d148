//! The contract, on a cluster of three primaries.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::stores::RedisCluster;
use cloakroom_store::conformance::{self, Outage, Outages, Restarts};
use cloakroom_testbed::redis_cluster;

/// How long a call may take by default, and a little for a busy machine.
const BOUND: Duration = Duration::from_millis(1500 + 500);

/// More patience than by default: a hundred sign-ins that race under a cap ask for each other's sessions.
fn patient(cluster: &redis_cluster::RedisCluster) -> String {
    format!("{}?operation_timeout=20s", cluster.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_store_conforms() {
    let cluster = redis_cluster::RedisClusterLaunch::new(3).start();
    println!("{}", cluster.nodes()[0].version());
    conformance::run(RedisCluster::connect(&patient(&cluster)).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_store_keeps_marks() {
    let cluster = redis_cluster::RedisCluster::start(3);
    conformance::run_marks(RedisCluster::connect(&cluster.url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_store_counts() {
    let cluster = redis_cluster::RedisCluster::start(3);
    conformance::run_counters(RedisCluster::connect(&cluster.url()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_serves_all_rules_at_once() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&patient(&cluster)).await.unwrap();
    let mut checking = tokio::task::JoinSet::new();
    for rule in conformance::rules() {
        let store = cloakroom_store::AnyStore::new(store.clone());
        checking.spawn(async move { rule.check(store).await });
    }
    for checked in checking.join_all().await {
        assert_eq!(checked, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_after_all_primaries_were_killed() {
    let cluster = Arc::new(redis_cluster::RedisCluster::start(3));
    let open = move || {
        let cluster = Arc::clone(&cluster);
        async move {
            for node in cluster.nodes() {
                node.server().stop();
                node.server().start_again();
            }
            cluster.is_ok();
            RedisCluster::connect(&cluster.url()).await.unwrap()
        }
    };
    conformance::run_restarts(Restarts::new(open.clone())).await;
    conformance::run_counter_restarts(Restarts::of_counters(open.clone())).await;
    conformance::run_mark_restarts(Restarts::of_marks(open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_all_primaries_is_an_error_in_bounded_time() {
    let cluster = Arc::new(redis_cluster::RedisCluster::start(3));
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    let does = move |outage| {
        let cluster = Arc::clone(&cluster);
        async move {
            for node in cluster.nodes() {
                match outage {
                    Outage::Stop => node.server().stop(),
                    Outage::Start => node.server().start_again(),
                    Outage::Pause => node.server().pause(),
                    Outage::Resume => node.server().resume(),
                }
            }
        }
    };
    let outages = Outages::new(store.clone(), BOUND, does).and_counters(store.clone());
    conformance::run_outages(outages.and_marks(store)).await;
}
