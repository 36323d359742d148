//! A primary that freezes, is replaced, and wakes up: it does not know that it is none any more.

use std::time::Duration;

use cloakroom::stores::Redis;
use cloakroom_store::{Expect, Written};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::fixture::{create, id, load, record, write};
use crate::watched::Watched;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_it_over_a_connection_that_had_waited_for_it() {
    // Long enough for the store to give the connection up and ask for another, before another primary is chosen.
    let watched = spawn_blocking(|| Watched::patient(Duration::from_secs(8)));
    let watched = watched.await.unwrap();
    let url = watched.url("connect_timeout=60s&wait_timeout=60s");
    let store = Redis::connect(&url).await.unwrap();
    create(&store, 0, "alice").await;
    let old = watched.primary().server().port();
    watched.servers[0].server().pause();
    // What takes longer than an answer may waits for a connection.
    while timeout(Duration::from_secs(3), load(&store, 0)).await.is_ok() {}
    assert_eq!(watched.sentinels.primary(), Some(old), "nobody was chosen yet");
    let mut writing = JoinSet::new();
    for n in 1..=12 {
        let store = store.clone();
        writing.spawn(async move { (n, write(&store, n, Expect::Absent, record("alice", "body")).await) });
    }
    let watched = spawn_blocking(move || {
        watched.another_takes_over(old);
        watched.servers[0].server().resume();
        watched
    });
    let watched = watched.await.unwrap();
    for (n, written) in writing.join_all().await {
        assert!(matches!(written, Ok(Written::Applied { .. })), "{written:?}");
        let key = format!("cloakroom%test%s%{}", id(n));
        let kept = watched.primary().command(&["EXISTS", &key]);
        assert_eq!(kept, "1", "session {n} went to who was the primary");
    }
}
