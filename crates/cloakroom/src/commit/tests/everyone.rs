//! What everyone's sessions come to when they end: those of nodes whose clocks differ, and of requests under way.

use cloakroom_store::{Expect, Load, Write};

use super::*;
use crate::policy::SKEW;

impl App {
    async fn end_everyone(&self) -> u64 {
        self.sessions.end_everyone().await.unwrap()
    }
}

#[tokio::test]
async fn what_a_node_with_a_faster_clock_has_begun_ends_too() {
    let app = App::new();
    let ahead = app.with_clock_at(SKEW.as_millis() as i64);
    let (anonymous, alice) = (ahead.begun().await, ahead.signed_in("alice").await);
    assert_eq!(app.end_everyone().await, 2);
    for node in [&app, &ahead] {
        assert_eq!(node.n(&anonymous).await, None);
        assert_eq!(node.who(&alice).await, None);
    }
}

#[tokio::test]
async fn what_is_begun_afterwards_counts_on_every_node() {
    let app = App::new();
    let nodes = [-4999, 0, 4999].map(|millis| app.with_clock_at(millis));
    app.signed_in("alice").await;
    assert_eq!(app.end_everyone().await, 1);
    for node in &nodes {
        let bob = node.signed_in("bob").await;
        // The node itself, and not one that knows nothing.
        for asked in [node, &app] {
            let session = asked.open(&bob).await;
            assert_eq!(session.get(N).unwrap(), Some(1));
        }
    }
    assert_eq!(app.end_everyone().await, 3, "also right after the one before");
}

#[tokio::test]
async fn while_sessions_are_removed_none_from_before_counts_here() {
    let app = App::new();
    let ahead = app.with_clock_at(SKEW.as_millis() as i64);
    let alice = ahead.signed_in("alice").await;
    let (node, cookie) = (app.clone(), alice.clone());
    app.store.on(
        Verb::Revoke,
        Act::After(Box::pin(async move {
            assert_eq!(node.open(&cookie).await.principal(), None);
        })),
    );
    assert_eq!(app.end_everyone().await, 1);
}

#[tokio::test]
async fn a_sign_in_under_way_takes_nothing_along_from_before() {
    let app = App::new();
    let visitor = app.begun().await;
    let session = app.open(&visitor).await;
    let before = session.id().unwrap();
    let node = app.clone();
    app.store.on(
        Verb::Revoke,
        Act::After(Box::pin(async move {
            // It has taken so long already that the sign-in counts as a later one.
            node.wait(2 * SKEW);
            session.sign_in("alice").unwrap();
            let alice = node.done(&session, &visitor).await;
            let session = node.open(&alice).await;
            assert_eq!(session.principal().unwrap().as_str(), "alice");
            assert_eq!(session.get(N).unwrap(), None);
            assert_ne!(session.id(), Some(before));
        })),
    );
    assert_eq!(app.end_everyone().await, 1, "the visitor's");
    assert_eq!(app.count(of("alice")).await, 1);
}

#[tokio::test]
async fn where_the_store_was_away_nothing_counts_here_until_it_was_done() {
    let app = App::new();
    let alice = app.signed_in("alice").await;
    app.store
        .on(Verb::Revoke, Act::LoseRequest(StoreErrorKind::Unavailable));
    let error = app.sessions.end_everyone().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(app.open(&alice).await.principal(), None);
    assert_eq!(app.end_everyone().await, 1);
    let bob = app.signed_in("bob").await;
    assert_eq!(app.open(&bob).await.get(N).unwrap(), Some(1));
}

#[tokio::test]
async fn where_the_store_cannot_nobodys_session_ends() {
    let app = App::new();
    let alice = app.signed_in("alice").await;
    app.store
        .on(Verb::Revoke, Act::LoseRequest(StoreErrorKind::Unsupported));
    let error = app.sessions.end_everyone().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(app.open(&alice).await.principal().is_some());
}

#[tokio::test]
async fn what_the_store_brings_back_afterwards_does_not_count_here() {
    let app = App::new();
    let alice = app.signed_in("alice").await;
    let id = app.open(&alice).await.id().unwrap();
    let namespace = || app.sessions.namespace().clone();
    let kept = app.store.load(Load::new(namespace(), id)).await.unwrap().unwrap();
    app.wait(2 * SKEW);
    assert_eq!(app.end_everyone().await, 1);
    // As a failover does that has lost the removal.
    let write = Write::new(namespace(), id, Expect::Absent, kept.record);
    app.store.write(write).await.unwrap();
    assert!(app.who(&alice).await.is_some(), "it is there");
    assert_eq!(app.open(&alice).await.principal(), None);
}

#[tokio::test]
async fn another_applications_sessions_go_on() {
    let app = App::new();
    let other = app
        .clone()
        .with(|sessions| sessions.application("other").unwrap());
    let session = other.open("").await;
    session.sign_in("alice").unwrap();
    let alice = other.done(&session, "").await;
    app.store
        .on(Verb::Revoke, Act::LoseRequest(StoreErrorKind::Unavailable));
    app.sessions.end_everyone().await.unwrap_err();
    assert!(other.open(&alice).await.principal().is_some());
}
