//! Nodes that keep copies of what they read: reading asks no store, and nothing is believed for longer than that.

use std::time::Duration;

use cloakroom_probe::doubles::Verb::{self, Delete, List, Load, Revoke, Touch, Write};
use cloakroom_probe::doubles::{Fault, Health, Moment};
use serde_json::json;

use crate::browser::{Browser, State};
use crate::encodings::{id_of, times, with_wrong_secret};
use crate::revocation::ENDS_A_TOKEN;
use crate::servers::GET;
use crate::stage::{Node, Stage, on_near_caches, on_near_caches_before_the_doubles};

/// How long copies are good for at a node that waits for them to be too old.
const SHORT: Duration = Duration::from_millis(50);

fn alice() -> State {
    State::of(Some("alice"), json!({"cart": "full"}))
}

async fn signed_in(node: &Node) -> Browser {
    let browser = node.signed_in("alice").await;
    browser.ok("POST /set?key=cart&value=full").await;
    browser
}

/// A node that soon sees what others do: because its copies are soon too old, or because it is told.
async fn node_within_the_bound(stage: &Stage) -> Node {
    match stage.is_fed() {
        true => stage.node().await,
        false => stage.serve(&stage.sessions_copied_for(SHORT)).await,
    }
}

/// Waits until a node sees a session so.
async fn is_seen(node: &Node, token: &str, expected: &State) {
    let mut looking = tokio::time::interval(Duration::from_millis(1));
    while node.state(token).await != *expected {
        looking.tick().await;
    }
}

#[test]
fn reading_asks_no_store_while_there_is_a_copy() {
    on_near_caches_before_the_doubles(async |stage| {
        let (here, there) = (stage.node().await, stage.node().await);
        let browser = signed_in(&here).await;
        stage.recording.take();
        for (node, costs) in [(&here, 0), (&there, 1)] {
            for _ in 0..5 {
                assert_eq!(node.state(&browser.token()).await, alice());
            }
            assert_eq!(stage.recording.take().len(), costs, "each has copies of its own");
        }
    });
}

#[test]
fn reading_sends_no_server_anything_while_it_tells_what_changes() {
    on_near_caches(async |stage| {
        if !stage.is_fed() {
            return;
        }
        let (here, there) = (stage.node().await, stage.node().await);
        let token = signed_in(&here).await.token();
        let sent = || times(&stage.kept(), GET);
        let read = async |node: &Node| {
            let before = sent();
            assert_eq!(node.state(&token).await, alice());
            sent() - before
        };
        for node in [&here, &there] {
            // What was written may not have been told yet, and what is told drops the copy.
            while read(node).await > 0 {}
        }
        assert!(sent() > 0, "they are heard");
    });
}

#[test]
fn each_route_costs_a_read_less_while_there_is_a_copy_unless_it_ends_or_lists_something() {
    on_near_caches_before_the_doubles(async |stage| {
        let node = stage.node().await;
        let everywhere = match stage.can("POST /sign-out-everywhere") {
            true => &[Load, Revoke, Delete][..],
            false => &[Load, Revoke],
        };
        for (request, expected) in [
            ("GET /none", &[][..]),
            ("GET /read", &[]),
            ("POST /set?key=cart&value=full", &[]),
            ("POST /set?key=k&value=v", &[Write]),
            ("POST /add?key=n", &[Write]),
            ("POST /rotate", &[Write]),
            ("POST /sign-in?principal=alice", &[Write]),
            ("POST /fail?key=k&value=v", &[]),
            ("POST /twice", &[Write]),
            // Whoever is not signed in any more ends nobody's session, and sees nobody's: that is not left to a copy.
            ("GET /sessions", &[Load, List]),
            ("POST /sign-in?principal=bob", &[Load, Delete, Write]),
            ("POST /sign-out", &[Load, Delete]),
            ("POST /sign-out-others", &[Load, Revoke]),
            ("POST /sign-out-everywhere", everywhere),
        ] {
            costs(stage, &signed_in(&node).await, request, expected).await;
        }
        let browser = signed_in(&node).await;
        let stranger = browser.with_token(with_wrong_secret(&browser.token()));
        costs(stage, &stranger, "GET /read", &[Load]).await;
    });
}

#[test]
fn a_touch_is_due_though_nothing_is_read() {
    on_near_caches_before_the_doubles(async |stage| {
        let node = stage.node().await;
        let browser = signed_in(&node).await;
        for _ in 0..3 {
            stage.clock.advance(Duration::from_millis(89_999));
            costs(stage, &browser, "GET /read", &[]).await;
            stage.clock.advance(Duration::from_millis(1));
            costs(stage, &browser, "GET /read", &[Touch]).await;
            costs(stage, &browser, "GET /read", &[]).await;
        }
    });
}

#[test]
fn a_stale_copy_costs_two_requests_and_loses_nothing() {
    on_near_caches_before_the_doubles(async |stage| {
        let (here, there) = (stage.node().await, stage.node().await);
        let browser = signed_in(&here).await;
        assert_eq!(there.state(&browser.token()).await, alice());
        browser.ok("POST /add?key=n").await;
        let elsewhere = browser.at(there.address);
        costs(stage, &elsewhere, "POST /add?key=n", &[Write, Load, Write]).await;
        assert_eq!(elsewhere.state().await.data["n"], 2);
        assert_eq!(stage.state_in_the_store(&browser).await.data["n"], 2);
    });
}

#[test]
fn updates_at_two_nodes_all_count_and_both_see_them_within_the_bound() {
    on_near_caches(async |stage| {
        let nodes = [
            node_within_the_bound(stage).await,
            node_within_the_bound(stage).await,
        ];
        let browser = signed_in(&nodes[0]).await;
        for turn in 0..20 {
            for node in &nodes {
                node.state(&browser.token()).await;
            }
            browser.at(nodes[turn % 2].address).ok("POST /add?key=n").await;
        }
        for node in &nodes {
            let all = State::of(Some("alice"), json!({"cart": "full", "n": 20}));
            is_seen(node, &browser.token(), &all).await;
        }
    });
}

#[test]
fn a_captured_token_is_dead_here_at_once_and_elsewhere_within_the_bound() {
    on_near_caches(async |stage| {
        for ending in ENDS_A_TOKEN.into_iter().filter(|ending| stage.can(ending)) {
            let (here, there) = (stage.node().await, node_within_the_bound(stage).await);
            let browser = signed_in(&here).await;
            let token = browser.token();
            assert_eq!(there.state(&token).await, alice());
            browser.ok(&ending.replace("OWN", &id_of(&token))).await;
            here.assert_dead(&token, ending).await;
            is_seen(&there, &token, &State::default()).await;
        }
    });
}

#[test]
fn what_a_stale_copy_lets_in_changes_and_ends_nothing() {
    on_near_caches_before_the_doubles(async |stage| {
        for ending in ["POST /sign-out", "POST /rotate", "POST /sign-in?principal=alice"] {
            for late in [
                "POST /add?key=late",
                "POST /clear",
                "POST /rotate",
                "POST /sign-out",
                "POST /sign-out-others",
                "POST /sign-out-everywhere",
            ] {
                let (here, there) = (stage.node().await, stage.node().await);
                let (browser, other) = (signed_in(&here).await, signed_in(&here).await);
                let captured = browser.with_token(browser.token()).at(there.address);
                assert_eq!(captured.state().await, alice());
                browser.ok(ending).await;
                let context = format!("{late} after {ending}");
                assert_eq!(captured.state().await, alice(), "{context}: a copy says so");
                captured.ok(late).await.assert_cookie_left_alone(&context);
                // The store has said no, and from then on nobody reads it here.
                assert_eq!(captured.state().await, State::default(), "{context}");
                assert_eq!(other.state().await, alice(), "{context}");
                if ending != "POST /sign-out" {
                    assert_eq!(browser.state().await, alice(), "{context}");
                }
            }
        }
    });
}

#[test]
fn an_answer_from_before_an_ending_is_not_kept() {
    on_near_caches_before_the_doubles(async |stage| {
        for ending in [
            "POST /sign-out",
            "POST /sign-out-everywhere",
            "POST /rotate",
            "POST /sign-in?principal=bob",
        ] {
            if !stage.can(ending) {
                continue;
            }
            let node = stage.node().await;
            // At another node, so that this one has no copy yet.
            let browser = signed_in(&stage.node().await).await.at(node.address);
            let captured = browser.with_token(browser.token());
            stage.gate.hold(Load, Moment::After, 1);
            let reading = captured.begin("GET /read");
            stage.gate.held(1).await;
            browser.ok(ending).await;
            stage.gate.release();
            assert!(
                reading.await.unwrap().body.contains("alice"),
                "{ending}: it is from before"
            );
            assert_eq!(captured.state().await, State::default(), "{ending}");
        }
    });
}

#[test]
fn other_devices_are_signed_out_here_at_once_and_elsewhere_within_the_bound() {
    on_near_caches(async |stage| {
        let endings = [
            "POST /end?id=OTHER",
            "POST /sign-out-others",
            "POST /sign-out-everywhere",
            "everyone",
        ];
        let can = |ending: &str| match ending {
            "everyone" => stage.card().revokes_by_principal,
            request => stage.can(request),
        };
        for ending in endings.into_iter().filter(|ending| can(ending)) {
            let sessions = stage.sessions();
            let (here, there) = (stage.serve(&sessions).await, node_within_the_bound(stage).await);
            let (browser, other) = (signed_in(&here).await, signed_in(&there).await);
            let token = other.token();
            for node in [&here, &there] {
                assert_eq!(node.state(&token).await, alice());
            }
            match ending {
                "everyone" => drop(sessions.end_everyone().await.unwrap()),
                request => drop(browser.ok(&request.replace("OTHER", &id_of(&token))).await),
            }
            here.assert_dead(&token, ending).await;
            is_seen(&there, &token, &State::default()).await;
        }
    });
}

#[test]
fn what_has_been_read_can_be_read_while_the_store_is_away_and_nothing_else_works() {
    on_near_caches_before_the_doubles(async |stage| {
        let elsewhere = stage.node().await;
        let (node, hasty) = patient_and_hasty(stage).await;
        for health in [Health::Down, Health::Hanging] {
            let read = signed_in(&elsewhere).await;
            let unread = signed_in(&elsewhere).await;
            assert_eq!(node.state(&read.token()).await, alice());
            let (browser, unread) = (read.at(hasty.address), unread.at(hasty.address));
            stage.flaky.is(health);
            assert_eq!(browser.state().await, alice(), "{health:?}");
            unread.send("GET /read").await.assert_outage("there is no copy");
            for request in ["POST /sign-out", "POST /sign-in?principal=bob", "GET /sessions"] {
                if stage.can(request) {
                    browser.send(request).await.assert_outage(request);
                }
            }
            stage.flaky.is(Health::Up);
            for browser in [browser, unread] {
                let there = browser.at(node.address);
                assert_eq!(there.state().await, alice(), "after {health:?}");
            }
        }
    });
}

#[test]
fn a_write_that_may_have_happened_leaves_no_copy_from_before_it() {
    on_near_caches_before_the_doubles(async |stage| {
        let (node, hasty) = patient_and_hasty(stage).await;
        for fault in [Fault::LostReply, Fault::LostRequest] {
            let browser = signed_in(&node).await;
            stage.flaky.fail(Write, fault, 1_000_000);
            stage.flaky.fail(Load, Fault::LostRequest, 1_000_000);
            let answer = browser.at(hasty.address).send("POST /add?key=n").await;
            answer.assert_outage("nobody knows whether it was written");
            stage.flaky.recover();
            let state = stage.state_in_the_store(&browser).await;
            assert_eq!(state.data.contains_key("n"), fault == Fault::LostReply);
            assert_eq!(browser.state().await, state, "{fault:?}");
        }
    });
}

/// One node that waits for the store as long as it takes, and also as short as it can: what a test prepares is not what it
/// is about.
async fn patient_and_hasty(stage: &Stage) -> (Node, Node) {
    let sessions = stage.sessions();
    let node = stage.serve(&sessions).await;
    (node, stage.serve(&sessions.store_timeout(SHORT)).await)
}

async fn costs(stage: &Stage, browser: &Browser, request: &str, expected: &[Verb]) {
    stage.recording.take();
    browser.send(request).await;
    assert_eq!(stage.recording.take(), expected, "{request}");
}
