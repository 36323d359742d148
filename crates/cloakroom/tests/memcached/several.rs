//! Several servers: one that is away is an outage for its own sessions, and for no others.

use cloakroom::stores::Memcached;
use cloakroom_store::{ErrorKind, Store as _};
use cloakroom_testbed as testbed;

use crate::fixture::{create, load, record};

const SESSIONS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_takes_only_its_own_sessions_with_it() {
    let servers = [(); 3].map(|()| testbed::memcached::Memcached::start());
    let hosts = servers
        .each_ref()
        .map(testbed::memcached::Memcached::host)
        .join(",");
    let store = Memcached::connect(&format!("memcache://{hosts}")).await.unwrap();
    for n in 0..SESSIONS {
        create(&store, n, record("kept")).await;
    }
    let held = servers[1].stats()["curr_items"];
    assert!(held > 0, "the server has no session to lose");
    servers[1].server().stop();

    let mut lost = Vec::new();
    for n in 0..SESSIONS {
        match load(&store, n).await {
            Ok(found) => assert!(found.is_some(), "session {n} is missing"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                assert!(error.to_string().contains(&servers[1].host()), "{error}");
                lost.push(n);
            }
        }
    }
    assert_eq!(lost.len() as u64, held);
    let error = store.ping().await.unwrap_err();
    assert!(error.to_string().contains(&servers[1].host()), "{error}");
    // None of them was begun anywhere else.
    let elsewhere = [0, 2].map(|n: usize| servers[n].stats()["curr_items"]);
    assert_eq!(elsewhere.iter().sum::<u64>() + held, SESSIONS as u64);

    servers[1].server().start_again();
    for n in 0..SESSIONS {
        let found = load(&store, n).await.unwrap();
        assert_eq!(found.is_none(), lost.contains(&n), "session {n}");
    }
    for n in lost {
        create(&store, n, record("begun again")).await;
    }
    assert_eq!(servers[1].stats()["curr_items"], held);
    store.ping().await.unwrap();
}
