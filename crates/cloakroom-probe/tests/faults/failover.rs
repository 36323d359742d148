//! The server that was written to is lost, and a replica takes its place.

use std::sync::Arc;

use cloakroom_testbed::redis::{REDIS, Redis, RedisLaunch};
use cloakroom_testbed::redis_sentinel::Sentinels;
use cloakroom_testbed::wait_until;

use crate::scenario::{MayLose, Scenario};

const FAULT: &str = "the primary is killed, a replica takes over";

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_sentinel() {
    fails_over(FAULT, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_sentinel_and_waiting_for_a_replica() {
    fails_over(
        "the primary is killed, a replica takes over, with `wait_replicas=1`",
        "?wait_replicas=1",
    )
    .await;
}

async fn fails_over(fault: &'static str, options: &str) {
    let primary = Redis::start();
    let replicas: Vec<Redis> = (0..2)
        .map(|_| RedisLaunch::new(REDIS).replica_of(&primary).start())
        .collect();
    primary.is_followed_by(2);
    let sentinels = Arc::new(Sentinels::watch(&primary, 2));
    let first = primary.server().port();
    let watching = Arc::clone(&sentinels);
    let scenario = Scenario {
        fault,
        store: "Redis with Sentinel",
        url: format!("{}{options}", sentinels.url("")),
        may_lose: MayLose::LastWrites,
        away: move || primary.server().stop(),
        back: move || {
            wait_until("the replica to take over", || {
                watching.primary().is_some_and(|port| port != first)
            });
        },
    };
    scenario.play().await;
    // Until here they were there.
    drop((replicas, sentinels));
}
