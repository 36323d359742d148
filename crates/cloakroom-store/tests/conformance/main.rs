//! The conformance suite, held against a store that keeps the contract and many that do not.

mod breakage;
mod counting;
mod flawed;
mod going_away;
mod marking;
mod modest;
mod reference;
mod restarting;

use cloakroom_store::{AnyStore, conformance};
use reference::Reference;

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_conforms() {
    conformance::run(Reference::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_serves_all_rules_at_once() {
    let store = AnyStore::new(Reference::default());
    let mut checking = tokio::task::JoinSet::new();
    for rule in conformance::rules() {
        let store = store.clone();
        checking.spawn(async move { rule.check(store).await });
    }
    for checked in checking.join_all().await {
        assert_eq!(checked, Ok(()));
    }
}
