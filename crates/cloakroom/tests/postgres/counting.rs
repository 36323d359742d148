//! Counting goes on in steps, each of which is answered in time however many sessions there are.

use cloakroom::stores::Postgres;
use cloakroom_store::{Count, Principal, Query, Store as _, Timestamp};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{PATIENT, client, namespace, with};

/// Two whole steps, and one session more. Every other one is alice's, which makes one whole step.
const SESSIONS: &str = "INSERT INTO cloakroom_sessions \
    SELECT convert_to('test', 'UTF8'), decode(lpad(to_hex(n), 32, '0'), 'hex'), n, \
        CASE n % 2 WHEN 0 THEN convert_to('alice', 'UTF8') END, 1000, 1000, n, NULL \
    FROM generate_series(1, 100001) AS n";

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_step_looks_at_are_counted() {
    let server = Server::start();
    let store = Postgres::connect(&with(&server, PATIENT)).await.unwrap();
    client(&server).await.batch_execute(SESSIONS).await.unwrap();
    let alice = || Query::default().principal(Principal::new("alice").unwrap());
    let late = Timestamp::from_unix_millis(60_000);
    for (query, expected) in [
        (Query::default(), 100_001),
        (Query::default().live_at(late), 40_001),
        (alice(), 50_000),
        (alice().live_at(late), 20_000),
        (Query::default().label_contains("nothing has one"), 0),
    ] {
        let counted = store.count(Count::new(namespace(), query.clone())).await;
        assert_eq!(counted.unwrap(), expected, "{query:?}");
    }
}
