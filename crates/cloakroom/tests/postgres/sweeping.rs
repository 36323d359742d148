//! A sweep goes on where it came to, leaves what others have, and says so: while another node sweeps, and where a row is
//! locked.

use cloakroom_store::{Expect, Load, Namespace, Record, Store as _, Sweep, Swept, Timestamp, Write};
use cloakroom_testbed::postgres::Postgres as Server;
use tokio_postgres::Client;

use crate::fixture::{Store, client, create, id, namespace, patient, record};

/// After the expiry of every record.
const LATER: Timestamp = Timestamp::from_unix_millis(2_000_000);

/// A store with three sessions that have expired, and somebody else in the same database.
async fn three_expired(server: &Server) -> (Store, Client) {
    let store = patient(server).await;
    for n in 1..=3 {
        create(&store, id(n), record(b"old")).await;
    }
    (store, client(server).await)
}

async fn sweep(store: &Store, limit: usize) -> Swept {
    let sweep = Sweep::new(namespace(), LATER, limit.try_into().unwrap());
    store.sweep(sweep).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_to_another_node_is_held() {
    let server = Server::start();
    let (store, other) = three_expired(&server).await;
    assert_eq!(sweep(&store, 1).await, Swept::new(1, true));
    let key = "hashtextextended('cloakroom sweep ' || encode('test', 'hex'), 0)";
    other
        .batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({key})"))
        .await
        .unwrap();
    assert_eq!(sweep(&store, 10).await, Swept::all_but_held(0));
    other.batch_execute("COMMIT").await.unwrap();
    // It has not forgotten where it came to: only from the beginning it could be sure that nothing is left.
    assert_eq!(sweep(&store, 10).await, Swept::new(2, true));
    // It comes to an end where some expire with every call.
    create(&store, id(4), record(b"old")).await;
    assert_eq!(sweep(&store, 10).await, Swept::new(1, false));
    assert_eq!(sweep(&store, 10).await, Swept::new(0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_locked_is_held() {
    let server = Server::start();
    let (store, other) = three_expired(&server).await;
    let lock =
        "BEGIN; SELECT id FROM cloakroom_sessions WHERE id = decode(repeat('02', 16), 'hex') FOR UPDATE";
    other.batch_execute(lock).await.unwrap();
    assert_eq!(sweep(&store, 1).await, Swept::new(1, true));
    assert_eq!(sweep(&store, 10).await, Swept::new(1, true));
    assert_eq!(sweep(&store, 10).await, Swept::all_but_held(0));
    assert_eq!(sweep(&store, 10).await, Swept::all_but_held(0));
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(sweep(&store, 10).await, Swept::new(1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_namespace_goes_on_where_it_came_to() {
    let server = Server::start();
    let store = patient(&server).await;
    let namespaces = ["one", "other"].map(|name| Namespace::new(name).unwrap());
    let write = async |namespace: &Namespace, n: u8, expires: u64| {
        let expires = Timestamp::from_unix_millis(expires);
        let record = Record::new(Timestamp::default(), expires, *b"old");
        let new = Write::new(namespace.clone(), id(n), Expect::Absent, record);
        store.write(new).await.unwrap();
    };
    let sweep_one = async |namespace: &Namespace| {
        let sweep = Sweep::new(namespace.clone(), LATER, 1.try_into().unwrap());
        assert_eq!(store.sweep(sweep).await.unwrap(), Swept::new(1, true));
    };
    for namespace in &namespaces {
        for (n, expires) in [(2, 20), (3, 30), (4, 40)] {
            write(namespace, n, expires).await;
        }
    }
    for namespace in &namespaces {
        sweep_one(namespace).await;
        // Behind it: found when the end has been reached.
        write(namespace, 1, 10).await;
    }
    for namespace in &namespaces {
        sweep_one(namespace).await;
        for (n, is_there) in [(1, true), (2, false), (3, false), (4, true)] {
            let load = Load::new(namespace.clone(), id(n));
            let found = store.load(load).await.unwrap();
            assert_eq!(found.is_some(), is_there, "{n} in {namespace:?}");
        }
    }
}
