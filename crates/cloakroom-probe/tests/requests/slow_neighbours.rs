//! Invariant 4: a login is never undone by a slow neighbour.

use serde_json::json;

use crate::browser::{NAME, State};
use crate::encodings::{id_of, with_other_id, with_other_version, with_wrong_secret};
use crate::stage::{on_every_store, on_every_strategy};

#[test]
fn slow_neighbours_leave_the_cookie_of_a_login_alone() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        for request in [
            "GET /read?delay_ms=1",
            "GET /sessions?delay_ms=1",
            "POST /set?key=slow&value=1&delay_ms=1",
            "POST /add?key=slow&delay_ms=1",
            "POST /remove?key=cart&delay_ms=1",
            "POST /rotate?delay_ms=1",
            "POST /sign-out?delay_ms=1",
            "POST /sign-out-others?delay_ms=1",
            "POST /sign-out-everywhere?delay_ms=1",
            "POST /fail?key=slow&value=1&delay_ms=1",
            "POST /panic?key=slow&value=1&delay_ms=1",
        ] {
            let browser = node.browser();
            browser.ok("POST /set?key=cart&value=full").await;
            let slow = browser.begin(request);
            stage.barriers.reached(1, 1).await;
            browser.ok("POST /sign-in?principal=alice").await;
            stage.barriers.open(1);
            slow.await.unwrap().assert_cookie_left_alone(request);
            stage.barriers.close(1);
            let expected = State::of(Some("alice"), json!({"cart": "full"}));
            assert_eq!(browser.state().await, expected, "{request}");
        }
    });
}

#[test]
fn what_left_the_browser_before_the_login_and_arrives_after_leaves_its_cookie_alone() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        for change in ["POST /sign-in?principal=alice", "POST /rotate"] {
            let browser = node.browser();
            browser.ok("POST /set?key=cart&value=full").await;
            let before = browser.token();
            browser.ok(change).await;
            for request in [
                "GET /read",
                "POST /set?key=slow&value=1",
                "POST /add?key=slow",
                "POST /clear",
                "POST /rotate",
                "POST /sign-out",
                "POST /sign-out-then-set",
                "POST /save",
            ] {
                let late = browser.with_token(&before);
                late.ok(request).await.assert_cookie_left_alone(request);
            }
            assert_eq!(
                browser.state().await.data,
                json!({"cart": "full"}).as_object().unwrap().clone()
            );
        }
    });
}

#[test]
fn a_late_sign_out_of_the_anonymous_session_does_not_end_the_login() {
    on_every_strategy(async |stage| {
        for first in ["POST /set?key=cart&value=full", "POST /sign-in?principal=bob"] {
            let node = stage.node().await;
            let browser = node.browser();
            browser.ok(first).await;
            let late = browser.begin("POST /sign-out?delay_ms=1");
            stage.barriers.reached(1, 1).await;
            browser.ok("POST /sign-in?principal=alice").await;
            stage.barriers.open(1);
            let answer = late.await.unwrap();
            assert_eq!(answer.status, 204);
            answer.assert_cookie_left_alone(first);
            assert_eq!(
                browser.state().await.principal.as_deref(),
                Some("alice"),
                "{first}"
            );
            stage.barriers.close(1);
        }
    });
}

#[test]
fn a_cookie_that_cannot_be_read_or_verified_is_never_cleared() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let alice = node.signed_in("alice").await;
        let ended = node.signed_in("alice").await;
        let over = ended.token();
        ended.ok("POST /sign-out").await;
        let token = alice.token();
        for value in [
            "",
            "x",
            "deleted",
            &token[1..],
            &with_other_version(&token),
            &format!("{token}="),
            &format!("\"{token}\""),
            &"1".repeat(5000),
            &with_wrong_secret(&token),
            &with_other_id(&token),
            &over,
        ] {
            for request in [
                "GET /none",
                "GET /anon",
                "GET /read",
                "GET /sessions",
                "POST /remove?key=k",
                "POST /clear",
                "POST /rotate",
                "POST /sign-out",
                "POST /sign-out-others",
                "POST /sign-out-everywhere",
                "POST /end?id=00000000000000000000000000000000",
                "POST /fail?key=k&value=v",
            ] {
                let answer = node.exchange(request, &[&format!("{NAME}={value}")]).await;
                answer.assert_cookie_left_alone(&format!("{request} with {value:?}"));
            }
        }
        assert_eq!(alice.state().await.principal.as_deref(), Some("alice"));
    });
}

#[test]
fn a_response_sets_the_cookie_only_if_it_created_rotated_or_ended_the_session() {
    on_every_store(async |stage| {
        let node = stage.node().await;
        let other = node.signed_in("alice").await;
        let end_other = format!("POST /end?id={}", id_of(&other.token()));
        for request in [
            "GET /none",
            "GET /anon",
            "GET /read",
            "GET /private",
            "GET /sessions",
            "POST /set?key=k&value=v",
            "POST /set?key=k&value=v",
            "POST /add?key=n",
            "POST /remove?key=k",
            "POST /clear",
            "POST /save",
            "POST /save-then-fail",
            "POST /sign-in-then-fail",
            "POST /fail?key=k&value=v",
            "POST /panic?key=k&value=v",
            "POST /end?id=00000000000000000000000000000000",
            "POST /end?id=nonsense",
            &end_other,
            "POST /sign-out-others",
        ] {
            let browser = node.signed_in("alice").await;
            browser.send(request).await.assert_cookie_left_alone(request);
        }
        for request in [
            "POST /rotate",
            "POST /sign-in?principal=alice",
            "POST /sign-in?principal=bob",
            "POST /sign-out-then-set",
        ] {
            let browser = node.signed_in("alice").await;
            assert_ne!(browser.token(), browser.send(request).await.token(), "{request}");
        }
        for request in [
            "POST /sign-out",
            "POST /sign-out-everywhere",
            "POST /sign-out-then-fail",
            "POST /end?id=OWN",
        ] {
            if !stage.can(request) {
                continue;
            }
            let browser = node.signed_in("alice").await;
            let token = browser.token();
            let request = request.replace("OWN", &id_of(&token));
            assert!(browser.send(&request).await.removes_cookie(), "{request}");
            node.assert_dead(&token, &request).await;
        }
    });
}

#[test]
fn a_visitor_without_a_session_gets_a_cookie_only_with_one() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        for request in [
            "GET /read",
            "GET /sessions",
            "POST /remove?key=k",
            "POST /clear",
            "POST /rotate",
            "POST /sign-out",
            "POST /sign-out-everywhere",
            "POST /fail?key=k&value=v",
            "POST /panic?key=k&value=v",
            "POST /sign-in-then-fail",
        ] {
            let browser = node.browser();
            browser.send(request).await.assert_cookie_left_alone(request);
        }
        stage.assert_count(0).await;
        for request in ["POST /set?key=k&value=v", "POST /sign-in?principal=alice"] {
            let browser = node.browser();
            browser.ok(request).await;
            assert_ne!(browser.state().await, State::default(), "{request}");
        }
    });
}
