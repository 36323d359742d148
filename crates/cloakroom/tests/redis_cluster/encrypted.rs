//! TLS: to every node, also to those that the URL does not name.

use cloakroom::stores::RedisCluster;
use cloakroom_store::{Deleted, ErrorKind, Expect, Query};
use cloakroom_testbed::{Certificates, redis_cluster};

use crate::fixture::{applied, delete, id, listed, load, principal, record_of, write};

#[tokio::test(flavor = "multi_thread")]
async fn every_node_is_spoken_to_in_tls_and_its_slots_may_move() {
    let certificates = Certificates::make();
    let launch = redis_cluster::RedisClusterLaunch::new(3);
    let cluster = launch.password("hush").tls(&certificates).start();
    // Nobody knows this authority but who is told.
    let error = RedisCluster::connect(&cluster.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    let trusting = format!("{}?tls_ca={}", cluster.url(), certificates.authority.display());
    let store = RedisCluster::connect(&trusting).await.unwrap();
    for n in 0..30 {
        applied(
            write(&store, n, Expect::Absent, record_of("alice", "a"))
                .await
                .unwrap(),
        );
    }
    let kept: Vec<usize> = cluster
        .nodes()
        .iter()
        .map(|node| node.command(&["DBSIZE"]).parse().unwrap())
        .collect();
    assert!(kept.iter().all(|keys| *keys > 0), "each node has some: {kept:?}");
    let slot = cluster.nodes()[0].command(&["CLUSTER", "KEYSLOT", &crate::fixture::key(7)]);
    let slot: u16 = slot.parse().unwrap();
    let from = cluster.owner(slot);
    cluster.migrate(slot, from, (from + 1) % 3);
    for n in 0..30 {
        assert!(load(&store, n).await.unwrap().is_some(), "{n}");
    }
    assert_eq!(delete(&store, 7).await.unwrap(), Deleted::Ended);
    let of_alice = Query::default().principal(principal("alice"));
    let left: Vec<_> = (0..30).filter(|n| *n != 7).map(id).collect();
    assert_eq!(listed(&store, of_alice, 10).await, left);
}
