//! The probe's own surface: its routes answer what they say.

use serde_json::json;

use crate::browser::State;
use crate::encodings::id_of;
use crate::stage::{on_every_store_that_lists, on_every_strategy};

#[test]
fn the_routes_answer_with_their_status() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        for (request, status) in [
            ("GET /none", 200),
            ("GET /anon", 200),
            ("GET /read", 200),
            ("GET /sessions", 200),
            ("POST /set?key=k&value=v", 204),
            ("POST /set?key=k&value=", 204),
            ("POST /set?key=k", 400),
            ("POST /set?key=&value=v", 400),
            ("POST /set?key=k&value=v&delay_ms=soon", 400),
            ("POST /add?key=n", 204),
            ("POST /remove?key=k", 204),
            ("POST /rotate", 204),
            ("POST /sign-in?principal=alice", 204),
            ("POST /sign-in?principal=alice&remember=true", 204),
            ("POST /sign-in?principal=alice&remember=perhaps", 400),
            ("POST /sign-in", 400),
            ("POST /sign-out", 204),
            ("POST /sign-out-others", 204),
            ("POST /sign-out-everywhere", 204),
            ("POST /end?id=00000000000000000000000000000000", 204),
            ("POST /end?id=nonsense", 400),
            ("POST /fail?key=k&value=v", 500),
            ("POST /panic?key=k&value=v", 500),
            ("GET /missing", 404),
            ("GET /set?key=k&value=v", 405),
        ] {
            for browser in [node.browser(), node.signed_in("alice").await] {
                // What the store cannot do is only found out where there is something to ask it.
                let refused = !stage.can(request) && !browser.has_no_cookie();
                let status = if refused { 500 } else { status };
                assert_eq!(browser.send(request).await.status, status, "{request}");
            }
        }
    });
}

#[test]
fn what_the_store_cannot_do_is_refused_and_changes_nothing() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let others = node.signed_in("alice").await;
        for request in [
            "GET /sessions",
            "POST /sign-out-others",
            "POST /sign-out-everywhere",
        ] {
            if stage.can(request) {
                continue;
            }
            let browser = node.signed_in("alice").await;
            let answer = browser.send(request).await;
            assert_eq!(answer.status, 500, "{request}");
            answer.assert_cookie_left_alone(request);
            for device in [&browser, &others] {
                assert_eq!(
                    device.state().await.principal.as_deref(),
                    Some("alice"),
                    "{request}"
                );
            }
        }
    });
}

#[test]
fn values_come_back_as_they_were_set() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice%20%22%C3%A9").await;
        browser.ok("POST /set?key=%22k%22&value=%00%22%5C%E2%82%AC").await;
        let expected = State::of(Some("alice \"é"), json!({"\"k\"": "\0\"\\€"}));
        assert_eq!(browser.state().await, expected);
        browser.ok("POST /remove?key=%22k%22").await;
        assert_eq!(browser.state().await, State::of(Some("alice \"é"), json!({})));
    });
}

#[test]
fn a_value_too_large_for_the_store_is_refused_and_changes_nothing() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        browser.ok("POST /set?key=k&value=v").await;
        let answer = browser.send("POST /set-too-large").await;
        assert_eq!(answer.status, 500);
        answer.assert_cookie_left_alone("too large");
        assert_eq!(browser.state().await, State::of(Some("alice"), json!({"k": "v"})));
    });
}

#[test]
fn the_list_names_the_session_by_its_id() {
    on_every_store_that_lists(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let now = stage.clock.now().as_unix_millis();
        let listed: serde_json::Value =
            serde_json::from_str(&browser.ok("GET /sessions").await.body).unwrap();
        let expected = json!([{
            "id": id_of(&browser.token()),
            "created": now,
            "last_seen": now,
            "label": null,
            "current": true,
        }]);
        assert_eq!(listed, expected);
        assert_eq!(node.browser().ok("GET /sessions").await.body, "[]");
    });
}
