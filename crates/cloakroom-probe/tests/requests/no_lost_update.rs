//! Invariant 1: no lost update.

use cloakroom_probe::doubles::{Fault, Moment, Verb};
use serde_json::{Value, json};

use crate::browser::State;
use crate::stage::{Stage, on_every_store};

const MANY: usize = 50;

#[test]
fn fifty_concurrent_sets_of_different_keys_leave_fifty() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        browser.ok("POST /set?key=before&value=there").await;
        let all = at_once(stage, |n| {
            browser.begin(&format!("POST /set?key=k{n}&value=v{n}&delay_ms=1"))
        });
        all.await;
        let mut data = json!({"before": "there"});
        (0..MANY).for_each(|n| data[format!("k{n}")] = json!(format!("v{n}")));
        assert_eq!(
            stage.state_in_the_store(&browser).await,
            State::of(Some("alice"), data)
        );
    });
}

#[test]
fn fifty_concurrent_updates_add_up_to_fifty() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        at_once(stage, |_| browser.begin("POST /add?key=n&delay_ms=1")).await;
        assert_eq!(stage.state_in_the_store(&browser).await.data["n"], MANY);
    });
}

#[test]
fn updates_add_up_when_every_third_reply_is_lost() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        stage.flaky.lose_every(3, Verb::Write);
        at_once(stage, |_| browser.begin("POST /add?key=n&delay_ms=1")).await;
        assert!(stage.flaky.failed() >= MANY / 3, "replies were lost");
        assert_eq!(stage.state_in_the_store(&browser).await.data["n"], MANY);
    });
}

#[test]
fn updates_add_up_when_requests_to_the_store_are_lost() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        stage.flaky.fail(Verb::Write, Fault::LostRequest, 20);
        stage.flaky.fail(Verb::Write, Fault::LostReply, 20);
        at_once(stage, |_| browser.begin("POST /add?key=n&delay_ms=1")).await;
        assert_eq!(stage.flaky.failed(), 40);
        assert_eq!(stage.state_in_the_store(&browser).await.data["n"], MANY);
    });
}

#[test]
fn updates_add_up_across_two_nodes() {
    on_every_store(async |stage| {
        let (one, two) = (stage.node().await, stage.node().await);
        let here = one.signed_in("alice").await;
        let there = here.at(two.address);
        stage.flaky.lose_every(3, Verb::Write);
        let all = at_once(stage, |n| {
            let browser = if n % 2 == 0 { &here } else { &there };
            browser.begin("POST /add?key=n&delay_ms=1")
        });
        all.await;
        assert_eq!(stage.state_in_the_store(&here).await.data["n"], MANY);
    });
}

#[test]
fn of_blind_sets_one_wins_and_the_rest_survives() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        browser.ok("POST /set?key=rest&value=survives").await;
        let all = at_once(stage, |n| {
            browser.begin(&format!("POST /set?key=one&value={n}&delay_ms=1"))
        });
        all.await;
        let State { data, .. } = browser.state().await;
        let Value::String(winner) = &data["one"] else {
            panic!("{data:?}")
        };
        assert!(winner.parse::<usize>().unwrap() < MANY);
        assert_eq!(data["rest"], "survives");
        assert_eq!(data.len(), 2);
    });
}

#[test]
fn a_late_set_wins_over_an_earlier_one_it_did_not_see() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        let late = browser.begin("POST /set?key=k&value=late&delay_ms=1");
        stage.barriers.reached(1, 1).await;
        browser.ok("POST /set?key=k&value=early").await;
        browser.ok("POST /set?key=other&value=kept").await;
        stage.barriers.open(1);
        assert_eq!(late.await.unwrap().status, 204);
        let expected = State::of(Some("alice"), json!({"k": "late", "other": "kept"}));
        assert_eq!(browser.state().await, expected);
    });
}

#[test]
fn an_update_whose_reply_was_lost_is_found_behind_a_neighbours() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        stage.flaky.fail(Verb::Write, Fault::LostReply, 1);
        stage.gate.hold(Verb::Write, Moment::After, 1);
        let unsure = browser.begin("POST /add?key=n");
        stage.gate.held(1).await;
        // The write is applied, its writer does not know, and neighbours write over it.
        browser.ok("POST /add?key=n").await;
        browser.ok("POST /add?key=n").await;
        stage.gate.release();
        assert_eq!(unsure.await.unwrap().status, 204);
        assert_eq!(stage.flaky.failed(), 1);
        assert_eq!(browser.state().await.data["n"], 3);
    });
}

#[test]
fn a_session_whose_beginning_lost_its_reply_begins_once() {
    on_every_store(async |stage| {
        for request in ["POST /add?key=n", "POST /sign-in?principal=alice"] {
            let before = stage.count().await;
            let browser = stage.node().await.browser();
            stage.flaky.fail(Verb::Write, Fault::LostReply, 1);
            browser.ok(request).await;
            assert_eq!(stage.count().await, before + 1, "{request}");
            assert_ne!(browser.state().await, State::default(), "{request}");
        }
    });
}

#[test]
fn a_rotation_that_lost_its_reply_is_handed_out() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        for request in ["POST /rotate", "POST /sign-in?principal=alice"] {
            stage.flaky.fail(Verb::Write, Fault::LostReply, 1);
            let before = browser.token();
            browser.ok(request).await;
            assert_ne!(browser.token(), before, "{request}");
            assert_eq!(
                browser.state().await.principal.as_deref(),
                Some("alice"),
                "{request}"
            );
        }
        assert_eq!(stage.count().await, 1);
    });
}

/// Begins fifty requests, and lets them go on together once each of them has its session.
async fn at_once(stage: &Stage, begin: impl Fn(usize) -> tokio::task::JoinHandle<crate::browser::Answer>) {
    let requests: Vec<_> = (0..MANY).map(begin).collect();
    stage.barriers.reached(1, MANY).await;
    stage.barriers.open(1);
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!(answer.status, 204, "{answer:?}");
        answer.assert_cookie_left_alone("a write");
    }
}
