//! Invariant 5: an outage is not a logout.

use std::time::{Duration, Instant};

use cloakroom::store::Record;
use cloakroom_probe::doubles::{Fault, Health, Verb};
use serde_json::json;

use crate::browser::{Browser, NAME, State};
use crate::encodings::id_of;
use crate::stage::{Stage, on_every_sealed_store, on_every_store, on_every_store_itself};

/// Short, because it is waited for.
const BOUND: Duration = Duration::from_millis(100);

/// Far longer than all that a request waits for, and far shorter than for ever.
const IN_TIME: Duration = Duration::from_secs(5);

const USES_THE_SESSION: [&str; 14] = [
    "GET /read",
    "GET /sessions",
    "GET /private",
    "POST /set?key=k&value=v",
    "POST /add?key=n",
    "POST /remove?key=cart",
    "POST /clear",
    "POST /rotate",
    "POST /sign-in?principal=bob",
    "POST /sign-out",
    "POST /sign-out-others",
    "POST /sign-out-everywhere",
    "POST /fail?key=k&value=v",
    "POST /panic?key=k&value=v",
];

#[test]
fn a_store_that_is_down_or_hangs_signs_nobody_out() {
    on_every_store_itself(async |stage| {
        let (browser, hasty) = at_a_hasty_node(stage).await;
        for health in [Health::Down, Health::Hanging] {
            stage.flaky.is(health);
            for request in USES_THE_SESSION {
                let context = format!("{request} while {health:?}");
                let begun = Instant::now();
                hasty.send(request).await.assert_outage(&context);
                assert!(begun.elapsed() < IN_TIME, "{context}");
            }
            for request in ["GET /none", "GET /anon"] {
                let answer = hasty.ok(request).await;
                answer.assert_cookie_left_alone(request);
            }
            stage.flaky.is(Health::Up);
            let expected = State::of(Some("alice"), json!({"cart": "full"}));
            assert_eq!(browser.state().await, expected, "after {health:?}");
        }
    });
}

#[test]
fn a_visitor_without_a_session_does_not_notice_an_outage_until_one_begins() {
    on_every_store(async |stage| {
        let node = stage.serve(&stage.sessions().store_timeout(BOUND)).await;
        for health in [Health::Down, Health::Hanging] {
            stage.flaky.is(health);
            let browser = node.browser();
            for request in ["GET /none", "GET /anon", "GET /read", "POST /sign-out"] {
                browser.ok(request).await;
            }
            for request in ["POST /set?key=k&value=v", "POST /sign-in?principal=alice"] {
                browser.send(request).await.assert_outage(request);
            }
            stage.flaky.is(Health::Up);
        }
    });
}

#[test]
fn a_write_that_fails_is_a_503_and_changes_nothing() {
    on_every_store(async |stage| {
        for fault in [Fault::LostRequest, Fault::Hangs] {
            for request in [
                "POST /set?key=k&value=v",
                "POST /add?key=n",
                "POST /remove?key=cart",
                "POST /clear",
                "POST /rotate",
                "POST /sign-in?principal=alice",
                "POST /save",
            ] {
                let (browser, hasty) = at_a_hasty_node(stage).await;
                stage.flaky.fail(Verb::Write, fault, 1_000_000);
                let begun = Instant::now();
                let context = format!("{request} while writes fail: {fault:?}");
                hasty.send(request).await.assert_outage(&context);
                assert!(begun.elapsed() < IN_TIME, "{context}");
                stage.flaky.recover();
                let expected = State::of(Some("alice"), json!({"cart": "full"}));
                assert_eq!(stage.state_in_the_store(&browser).await, expected, "{context}");
            }
        }
    });
}

#[test]
fn an_ending_that_fails_is_a_503_and_ends_nothing() {
    on_every_store(async |stage| {
        let (browser, hasty) = at_a_hasty_node(stage).await;
        let end = format!("POST /end?id={}", id_of(&browser.token()));
        for fault in [Fault::LostRequest, Fault::Hangs] {
            for (request, verb) in [
                ("POST /sign-out", Verb::Delete),
                (&*end, Verb::Delete),
                ("POST /sign-out-everywhere", Verb::Revoke),
                ("POST /sign-out-everywhere", Verb::Delete),
                ("POST /sign-out-others", Verb::Revoke),
                ("GET /sessions", Verb::List),
            ] {
                if !stage.can(request) {
                    continue;
                }
                stage.flaky.fail(verb, fault, 1_000_000);
                hasty.send(request).await.assert_outage(request);
                stage.flaky.recover();
                assert_eq!(
                    stage.state_in_the_store(&browser).await.principal.as_deref(),
                    Some("alice"),
                    "{request}"
                );
            }
        }
    });
}

#[test]
fn a_touch_that_fails_is_not_an_error() {
    on_every_store(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        // Not so short that a busy machine does not read the session meanwhile.
        let hasty = stage.sessions().store_timeout(Duration::from_secs(2));
        let hasty = browser.at(stage.serve(&hasty).await.address);
        for fault in [Fault::LostRequest, Fault::LostReply, Fault::Hangs] {
            stage.clock.advance(Duration::from_secs(120));
            let failed = stage.flaky.failed();
            stage.flaky.fail(Verb::Touch, fault, 1);
            let state = hasty.state().await;
            assert_eq!(state.principal.as_deref(), Some("alice"), "{fault:?}");
            assert_eq!(stage.flaky.failed(), failed + 1, "a touch was due");
        }
    });
}

#[test]
fn a_record_of_a_newer_format_is_an_outage() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        alter(stage, &browser.token(), |record| {
            let mut body = record.body.to_vec();
            body[0] += 1;
            record.body = body.into();
        })
        .await;
        for request in USES_THE_SESSION {
            browser.send(request).await.assert_outage(request);
        }
        browser.ok("GET /anon").await;
    });
}

#[test]
fn a_record_under_an_unknown_key_is_an_outage() {
    on_every_store(async |stage| {
        if !stage.has_keys() {
            return;
        }
        let browser = stage.node().await.signed_in("alice").await;
        let keyless = stage.serve(&stage.sessions_without_keys()).await;
        let there = browser.at(keyless.address);
        for request in USES_THE_SESSION {
            there.send(request).await.assert_outage(request);
        }
        there.ok("GET /anon").await;
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
    });
}

#[test]
fn a_record_that_is_damaged_is_anonymous_and_its_cookie_left_alone() {
    on_every_store(async |stage| {
        let node = stage.node().await;
        // At another node, so that this one has not kept what it was.
        let began = stage.node().await;
        for length in [0, 1, 10, 50, 58, 59] {
            let token = began.signed_in("alice").await.token();
            alter(stage, &token, |record| {
                if record.body.len() > length {
                    record.body = record.body[..length].into();
                    // A body that is cut at its data is a whole one without data where nothing is sealed.
                }
            })
            .await;
            let answer = node.exchange("GET /read", &[&format!("{NAME}={token}")]).await;
            answer.assert_cookie_left_alone("a damaged record");
            assert_eq!(answer.status, 200);
            if length < 59 {
                assert_eq!(
                    answer.body, r#"{"principal":null,"data":{}}"#,
                    "cut to {length} bytes"
                );
            }
        }
    });
}

#[test]
fn no_altered_byte_of_a_sealed_record_is_believed() {
    on_every_sealed_store(async |stage| {
        let node = stage.node().await;
        // At another node, so that this one has not kept what it was.
        let browser = stage.node().await.signed_in("alice").await;
        // So late that the tag of the write before is not kept: tags settle lost replies, and vouch for nothing.
        stage.clock.advance(Duration::from_secs(1200));
        browser.ok("POST /set?key=cart&value=full").await;
        let token = browser.token();
        let genuine = stage.record(&id_of(&token)).await.unwrap();
        for at in 0..genuine.body.len() {
            let mut altered = genuine.clone();
            let mut body = genuine.body.to_vec();
            body[at] ^= 1;
            altered.body = body.into();
            stage.put(&id_of(&token), altered).await;
            let answer = node.exchange("GET /read", &[&format!("{NAME}={token}")]).await;
            answer.assert_cookie_left_alone("an altered record");
            match answer.status {
                200 => assert_eq!(answer.body, r#"{"principal":null,"data":{}}"#, "byte {at}"),
                // It claims to be under a key that this node has not got.
                503 => assert!(at > 0, "byte {at}"),
                status => panic!("byte {at}: {status}"),
            }
        }
        stage.put(&id_of(&token), genuine).await;
        let expected = State::of(Some("alice"), json!({"cart": "full"}));
        assert_eq!(browser.at(node.address).state().await, expected);
    });
}

/// A browser that is signed in at a node that waits for the store as long as it takes, and the same browser at one
/// that does not: what a test prepares is not what it is about.
async fn at_a_hasty_node(stage: &Stage) -> (Browser, Browser) {
    let browser = stage.node().await.signed_in("alice").await;
    browser.ok("POST /set?key=cart&value=full").await;
    let hasty = stage.serve(&stage.sessions().store_timeout(BOUND)).await;
    let hasty = browser.at(hasty.address);
    (browser, hasty)
}

async fn alter(stage: &Stage, token: &str, alter: impl FnOnce(&mut Record)) {
    let mut record = stage.record(&id_of(token)).await.unwrap();
    alter(&mut record);
    stage.put(&id_of(token), record).await;
}
