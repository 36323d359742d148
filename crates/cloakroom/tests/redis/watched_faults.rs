//! What goes wrong with a server that sentinels name: the same words, and the sentinels in them.

use cloakroom::stores::Redis;
use cloakroom_store::{ErrorKind, Expect};
use cloakroom_testbed::note;
use tokio::task::spawn_blocking;

use crate::fixture::{create, delete, fails, load, record, write};
use crate::watched::Watched;

const STORE: &str = "Redis with Sentinel";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_missing_memory_are_said() {
    let watched = spawn_blocking(Watched::start).await.unwrap();
    let wrong = watched.sentinels.url(":hunter2@");
    let text = fails(ErrorKind::Misconfigured, Redis::connect(&wrong)).await;
    assert!(
        !text.contains("hunter2") && text.contains("correct the user and the password"),
        "{text}"
    );
    note("wrong password", STORE, &format!("at connecting: \"{text}\""));

    let store = Redis::connect(&watched.url("")).await.unwrap();
    create(&store, 1, "alice").await;
    let primary = watched.primary();
    primary.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let text = fails(
        ErrorKind::Full,
        write(&store, 2, Expect::Absent, record("alice", "")),
    )
    .await;
    assert!(text.contains("maxmemory"), "{text}");
    note(
        "no room left on the server",
        STORE,
        &format!("writes: \"{text}\"; reads and endings go on"),
    );
    assert!(load(&store, 1).await.unwrap().is_some());
    delete(&store, 1).await.unwrap();
    primary.command(&["CONFIG", "SET", "maxmemory", "0"]);
    create(&store, 2, "alice").await;
}
