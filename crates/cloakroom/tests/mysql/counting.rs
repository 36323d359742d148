//! Counting goes on in steps, each of which is answered in time however many sessions there are.

use cloakroom::stores::Mysql;
use cloakroom_store::{Count, Query, Store as _, Timestamp};
use mysql_async::prelude::Queryable as _;

use crate::fixture::{admin, database, namespace, principal, shared};

/// Two whole steps, and one session more. Every other one is alice's, which makes one whole step. Ids are random, as those of
/// sessions are.
const SESSIONS: i64 = 20_001;

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_step_looks_at_are_counted() {
    // Not much longer than by default, on a busy machine.
    let url =
        database(shared(), "counted").await + "?connect_timeout=30s&wait_timeout=3s&operation_timeout=3s";
    let store = Mysql::connect(&url).await.unwrap();
    let mut admin = admin(shared()).await;
    admin.query_drop("USE counted").await.unwrap();
    let begin = format!(
        "INSERT INTO cloakroom_sessions \
         VALUES ('{}', UNHEX(MD5(1)), 1, NULL, 1000, 1000, 1, NULL, '')",
        namespace()
    );
    admin.query_drop(begin).await.unwrap();
    let mut there = 1;
    while there < SESSIONS {
        let more = there.min(SESSIONS - there);
        let double = format!(
            "INSERT INTO cloakroom_sessions \
             SELECT namespace, UNHEX(MD5(revision + {there})), revision + {there}, \
                 IF((revision + {there}) % 2 = 0, 'alice', NULL), 1000, 1000, revision + {there}, NULL, '' \
             FROM cloakroom_sessions WHERE revision <= {more}"
        );
        admin.query_drop(double).await.unwrap();
        there += more;
    }
    admin.disconnect().await.unwrap();
    let alice = || Query::default().principal(principal("alice"));
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
}
