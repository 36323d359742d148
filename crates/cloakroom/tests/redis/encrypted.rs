//! TLS to sentinels, and to the primary that they name.

use cloakroom::stores::Redis;
use cloakroom_store::ErrorKind;
use tokio::task::spawn_blocking;

use crate::fixture::{create, fails, load, recovered};
use crate::watched::Watched;

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_and_servers_are_spoken_to_in_tls_over_a_failover() {
    let watched = spawn_blocking(Watched::encrypted).await.unwrap();
    let stranger = watched.sentinels.url(":wiltshire@");
    assert!(stranger.starts_with("rediss-sentinel://"), "{stranger}");
    // Nobody knows this authority but who is told.
    let text = fails(ErrorKind::Unavailable, Redis::connect(&stranger)).await;
    assert!(text.contains("certificate"), "{text}");
    // Who does not speak TLS is not understood, and says that nothing answers.
    let plain = stranger.replace("rediss-", "redis-") + "?connect_timeout=1s";
    fails(ErrorKind::Unavailable, Redis::connect(&plain)).await;

    let store = Redis::connect(&watched.url("wait_replicas=2")).await.unwrap();
    create(&store, 1, "alice").await;
    let old = watched.primary().server().port();
    watched.primary().server().stop();
    let watched = spawn_blocking(move || {
        watched.another_takes_over(old);
        watched
    });
    let _watched = watched.await.unwrap();
    recovered(&store).await;
    assert!(load(&store, 1).await.unwrap().is_some());
}
