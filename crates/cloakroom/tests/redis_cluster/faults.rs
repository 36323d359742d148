//! Nodes without memory: writes are refused, what is there can be read and ended, and there is room again afterwards.

use cloakroom::stores::RedisCluster;
use cloakroom_store::{Deleted, ErrorKind, Expect};
use cloakroom_testbed::redis_cluster;

use crate::fixture::{applied, delete, load, record, record_of, write};

#[tokio::test(flavor = "multi_thread")]
async fn nodes_without_memory_are_full_and_change_nothing() {
    let cluster = redis_cluster::RedisCluster::start(3);
    let store = RedisCluster::connect(&cluster.url()).await.unwrap();
    for n in 0..10 {
        applied(
            write(&store, n, Expect::Absent, record_of("alice", "a"))
                .await
                .unwrap(),
        );
    }
    let have = |bytes: &str| {
        for node in cluster.nodes() {
            node.command(&["CONFIG", "SET", "maxmemory", bytes]);
        }
    };
    have("1");
    for n in 10..20 {
        // A sign-in is refused at its first step, and what belongs to nobody at its only one.
        for record in [record_of("alice", "a"), record("a")] {
            let error = write(&store, n, Expect::Absent, record).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Full, "{error}");
            assert!(error.to_string().contains("maxmemory"), "{error}");
        }
        assert_eq!(load(&store, n).await.unwrap(), None);
    }
    let error = write(&store, 10, Expect::Absent, record("a")).await.unwrap_err();
    cloakroom_testbed::note(
        "no room left on the server",
        "Redis Cluster",
        &format!("writes: \"{error}\"; reads and endings go on"),
    );
    for n in 0..10 {
        assert!(load(&store, n).await.unwrap().is_some());
        assert_eq!(delete(&store, n).await.unwrap(), Deleted::Ended);
    }
    have("0");
    applied(
        write(&store, 10, Expect::Absent, record_of("alice", "a"))
            .await
            .unwrap(),
    );
}
