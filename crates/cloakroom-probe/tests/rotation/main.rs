//! The server's keys are exchanged on three nodes over one store, while users are at work.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

#[path = "../requests/browser.rs"]
#[allow(dead_code, reason = "the request suite uses more of it")]
mod browser;
mod node;
mod users;

use cloakroom::store::Timestamp;
use cloakroom::{KeyFile, KeyId, KeyState, Keys, ServerKey, Successor};
use node::Cluster;
use users::Users;

/// How many requests have to be answered before the next node hears of a step: it could be any time.
const MEANWHILE: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_rotation_rejects_nobody_and_signs_nobody_out() {
    let mut cluster = Cluster::new().await;
    let users = Users::begin(&cluster.addresses()).await;
    let old = cluster.active();
    users.succeed(MEANWHILE).await;

    // Each step reaches one node after the other, and all the while each node has to open what any other has sealed.
    let new = cluster.change(|keys| keys.add(ServerKey::generate().unwrap(), now()));
    roll(&mut cluster, &users).await;
    cluster.change(|keys| keys.activate(new, now()));
    roll(&mut cluster, &users).await;
    users.each_succeeds_once_more().await;
    for node in &cluster.nodes {
        let used = |id: KeyId| *node.keys.uses().iter().find(|used| used.key.id == id).unwrap();
        assert_eq!(used(new).key.state, KeyState::Active);
        assert_eq!(used(old).key.state, KeyState::Retiring);
        assert!(
            used(new).opened > 0,
            "every node meets what the new key has sealed"
        );
    }
    let sealed: u64 = cluster.uses(new).map(|used| used.sealed).sum();
    assert!(
        sealed >= users.count(),
        "everybody's session has been taken up by the new key: {sealed}"
    );

    // Everybody has written since, so the old key has nothing left to open.
    let opened: u64 = cluster.uses(old).map(|used| used.opened).sum();
    users.succeed(MEANWHILE).await;
    assert_eq!(
        cluster.uses(old).map(|used| used.opened).sum::<u64>(),
        opened,
        "which its counts tell"
    );
    cluster.change(|keys| keys.retire(old, now()));
    roll(&mut cluster, &users).await;

    let refused: u64 = cluster.uses(old).map(|used| used.refused).sum();
    assert_eq!(refused, 0);
    users.end_with_all_they_did().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compromised_key_is_refused_as_soon_as_a_node_knows() {
    let mut cluster = Cluster::new().await;
    let browser = cluster.nodes[0].browser();
    browser.ok("POST /sign-in?principal=alice").await;
    let leaked = cluster.active();
    let there = |node: usize| {
        let browser = browser.at(cluster.nodes[node].address);
        async move { browser.state().await.principal }
    };
    for node in 0..3 {
        assert_eq!(there(node).await.as_deref(), Some("alice"));
    }

    let spare = ServerKey::generate().unwrap();
    let successor = cluster.change(|keys| keys.compromise(leaked, spare, now()));
    let Successor::New(next) = successor else {
        panic!("{successor:?}")
    };
    for node in 0..3 {
        cluster.hear(node);
        let browser = browser.at(cluster.nodes[node].address);
        let answer = browser.ok("GET /read").await;
        answer.assert_cookie_left_alone("an operator can be wrong");
        assert_eq!(
            browser.state().await.principal,
            None,
            "refused on node {node} at its next look"
        );
    }
    // Signing in works at once, and nothing is under the old key.
    browser.ok("POST /sign-in?principal=alice").await;
    for node in 0..3 {
        let browser = browser.at(cluster.nodes[node].address);
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
    }
    assert_eq!(cluster.active(), next);
    assert_eq!(cluster.uses(leaked).map(|used| used.refused).min(), Some(2));
}

#[tokio::test]
async fn who_is_signed_out_by_a_key_that_was_retired_too_early_is_back_when_it_is_reopened() {
    let mut cluster = Cluster::new().await;
    let browser = cluster.nodes[0].browser();
    browser.ok("POST /sign-in?principal=alice").await;
    let old = cluster.active();
    cluster.change(|keys| {
        let new = keys.add(ServerKey::generate().unwrap(), now())?;
        keys.activate(new, now())?;
        keys.retire(old, now())
    });
    cluster.hear(0);
    let token = browser.token();
    assert_eq!(browser.state().await.principal, None);
    assert_eq!(
        cluster.uses(old).map(|used| used.refused).sum::<u64>(),
        1,
        "which the counts tell"
    );
    // It is no outage: whoever is signed out can sign in again.
    browser.ok("POST /sign-in?principal=alice").await;
    assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));

    cluster.change(|keys| keys.reopen(old, now()));
    cluster.hear(0);
    let before = browser.with_token(token);
    assert_eq!(before.state().await.principal.as_deref(), Some("alice"));
}

#[tokio::test]
async fn a_damaged_file_changes_nothing_and_is_taken_up_when_it_is_whole_again() {
    let mut cluster = Cluster::new().await;
    let browser = cluster.nodes[0].browser();
    browser.ok("POST /sign-in?principal=alice").await;
    cluster.change(|keys| keys.add(ServerKey::generate().unwrap(), now()));
    let newer = std::fs::read(cluster.master.path()).unwrap();
    // A copy that was cut off, anywhere but before its last line end.
    for end in 0..newer.len() - 1 {
        cluster.nodes[0].put(&newer[..end]);
        assert!(cluster.nodes[0].watcher.look().is_err(), "{end}");
    }
    assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
    cluster.nodes[0].put(&newer);
    cluster.nodes[0].watcher.look().unwrap();
    assert_eq!(cluster.nodes[0].keys.uses().len(), 2);
}

/// Lets one node after the other hear of the last step, in another order each time, with users at work in between.
async fn roll(cluster: &mut Cluster, users: &Users) {
    for node in [2, 0, 1] {
        cluster.hear(node);
        users.succeed(MEANWHILE).await;
    }
}

fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}

/// A file of keys with one key in it.
fn new_file(path: &std::path::Path) -> KeyFile {
    let file = KeyFile::new(path);
    file.create(&Keys::new(ServerKey::generate().unwrap(), now()))
        .unwrap();
    file
}
