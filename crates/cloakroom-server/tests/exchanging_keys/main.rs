//! A rotation as an operator does it: `cloakroom keys` on the file, and three processes that take each step up by
//! themselves, while users are at work.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod node;
mod operator;
mod sealed_under;
mod users;
#[path = "../support/visitor.rs"]
#[allow(dead_code, reason = "the shop's tests use more of it")]
mod visitor;

use std::time::Duration;

use cloakroom_probe::Strategy;
use node::Nodes;
use operator::Operator;
use sealed_under::Kept;
use users::{Tally, Users};

/// How many requests are answered between one step and the next.
const MEANWHILE: u64 = 60;

/// Far longer than it takes, unless a node has not heard of a step and never will.
const LONGEST: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_sessions_pass_to_another_key_and_nobody_notices() {
    rotate(Strategy::Stored).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_sessions_pass_to_another_key_and_nobody_notices() {
    rotate(Strategy::Sealed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hybrid_sessions_pass_to_another_key_and_nobody_notices() {
    rotate(Strategy::Hybrid).await;
}

async fn rotate(strategy: Strategy) {
    let rotation = tokio::time::timeout(LONGEST, exchange_keys(strategy));
    rotation.await.expect("every node hears of every step");
}

async fn exchange_keys(strategy: Strategy) {
    let operator = Operator::new();
    let old = operator.generate();
    let nodes = Nodes::start(strategy, &operator.directory);
    let users = Users::begin(&nodes.ports()).await;
    users.succeed(MEANWHILE).await;

    // A node hears of each step by itself, at a moment of its own, and users are at work all the while.
    let new = operator.add();
    nodes.have_taken_up(1).await;
    operator.ok(&format!("activate {new} --now"));
    nodes.have_taken_up(2).await;
    users.each_succeeds_once_more().await;
    operator.ok(&format!("retire {old} --longest-session 0"));
    nodes.have_taken_up(3).await;
    users.each_succeeds_once_more().await;

    let (tally, browsers) = users.end().await;
    assert_eq!((tally.rejected, tally.signed_out), (0, 0), "{tally:?}");
    assert!(tally.answered >= MEANWHILE, "{tally:?}");
    assert_eq!(nodes.complaints(), Vec::<String>::new());
    for browser in &browsers {
        for Kept { what, key } in sealed_under::cookies(strategy, browser) {
            assert_eq!(key, new, "{what}");
        }
    }
    if strategy != Strategy::Sealed {
        let records = sealed_under::records(&nodes.store).await;
        assert_eq!(records.len(), browsers.len());
        for record in records {
            assert!(record.names(new) && !record.names(old));
        }
    }

    // And what was counted can be counted: this signs everybody out.
    let users = Users::go_on(&nodes.ports(), browsers);
    users.succeed(MEANWHILE).await;
    operator.ok(&format!("compromise {new}"));
    nodes.have_taken_up(4).await;
    users.each_is_answered_once_more().await;
    let (Tally { signed_out, .. }, browsers) = users.end().await;
    assert!(signed_out >= browsers.len() as u64, "{signed_out}");
    assert!(nodes.complaints().iter().any(|line| line.contains("is refused")));
}
