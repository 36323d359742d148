//! A sweep leaves to another node what that one is removing, and says so.

use cloakroom_store::{Store as _, Sweep, Swept, Timestamp};
use mysql_async::prelude::Queryable as _;

use crate::fixture::{admin, create, database, id, namespace, patient, record_of, shared};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_to_another_node_is_held() {
    let store = patient(&database(shared(), "swept_by_another").await).await;
    for n in 1..=3 {
        create(&store, id(n), record_of("alice", "old")).await;
    }
    let sweep = async |limit: usize| {
        let sweep = Sweep::new(namespace(), Timestamp::MAX, limit.try_into().unwrap());
        store.sweep(sweep).await.unwrap()
    };
    assert_eq!(sweep(1).await, Swept::new(1, true));
    let mut other = admin(shared()).await;
    let name = format!(
        "CONCAT('cloakroom.sweep.', SHA1('swept_by_another%{}'))",
        namespace()
    );
    let locked: Option<u8> = other
        .query_first(format!("SELECT GET_LOCK({name}, 0)"))
        .await
        .unwrap();
    assert_eq!(locked, Some(1));
    assert_eq!(sweep(10).await, Swept::all_but_held(0));
    other
        .query_drop(format!("DO RELEASE_LOCK({name})"))
        .await
        .unwrap();
    assert_eq!(sweep(10).await, Swept::new(2, false));
    other.disconnect().await.unwrap();
}
