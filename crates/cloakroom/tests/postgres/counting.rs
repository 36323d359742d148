//! Counting goes on in steps, each of which is answered in time however many sessions there are.

use cloakroom::stores::Postgres;
use cloakroom_store::{Count, Principal, Query, Store as _, Timestamp};
use cloakroom_testbed::postgres::Postgres as Server;

use crate::fixture::{client, namespace, with};

/// Two whole steps, and one session more. Every other one is alice's, which makes one whole step. Ids are random, as those of
/// sessions are: in their order the rows are all over the table.
const SESSIONS: &str = "INSERT INTO cloakroom_sessions \
    SELECT convert_to('test', 'UTF8'), decode(md5(n::text), 'hex'), n, \
        CASE n % 2 WHEN 0 THEN convert_to('alice', 'UTF8') END, 1000, 1000, n, NULL \
    FROM generate_series(1, 20001) AS n";

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_step_looks_at_are_counted() {
    let server = Server::start();
    // Not much longer than by default, on a busy machine.
    let store = Postgres::connect(&with(&server, "wait_timeout=3s&operation_timeout=3s"))
        .await
        .unwrap();
    let watching = client(&server).await;
    watching.batch_execute(SESSIONS).await.unwrap();
    watching
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await
        .unwrap();
    let alice = || Query::default().principal(Principal::new("alice").unwrap());
    let late = Timestamp::from_unix_millis(15_000);
    for (query, expected) in [
        (Query::default(), 20_001),
        (Query::default().live_at(late), 5_001),
        (alice(), 10_000),
        (alice().live_at(late), 2_500),
        (Query::default().label_contains("nothing has one"), 0),
    ] {
        let counted = store.count(Count::new(namespace(), query.clone())).await;
        assert_eq!(counted.unwrap(), expected, "{query:?}");
    }
    let steps =
        "SELECT sum(calls)::bigint FROM pg_stat_statements WHERE position('looked_at AS' IN query) > 0";
    let steps: i64 = watching.query_one_scalar(steps, &[]).await.unwrap();
    assert_eq!(steps, 3 + 3 + 2 + 2 + 3, "each step looks at ten thousand");
}
