//! Invariant 6: nothing is written for nothing.

use std::time::Duration;

use cloakroom_probe::doubles::Verb::{self, Delete, List, Load, Revoke, Touch, Write};

use crate::browser::Browser;
use crate::encodings::with_other_id;
use crate::stage::{Node, Stage, on_every_store, on_every_store_itself};

#[test]
fn an_anonymous_visitor_without_data_costs_nothing() {
    on_every_store(async |stage| {
        let node = stage.node().await;
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
            "POST /panic?key=k&value=v",
        ] {
            costs(stage, &node.browser(), request, &[]).await;
        }
        costs(stage, &node.browser(), "POST /set?key=k&value=v", &[Write]).await;
        costs(stage, &node.browser(), "POST /add?key=n", &[Write]).await;
        costs(stage, &node.browser(), "POST /sign-in?principal=alice", &[Write]).await;
    });
}

#[test]
fn each_route_costs_what_the_design_says() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        // Where the others cannot be ended, this one is not either: it is all or an error.
        let everywhere = match stage.can("POST /sign-out-everywhere") {
            true => &[Load, Revoke, Delete][..],
            false => &[Load, Revoke],
        };
        for (request, expected) in [
            ("GET /none", &[][..]),
            ("GET /anon", &[]),
            ("GET /read", &[Load]),
            ("GET /sessions", &[Load, List]),
            ("POST /set?key=k&value=v", &[Load, Write]),
            ("POST /add?key=n", &[Load, Write]),
            ("POST /remove?key=cart", &[Load, Write]),
            ("POST /clear", &[Load, Write]),
            ("POST /rotate", &[Load, Write]),
            ("POST /sign-in?principal=alice", &[Load, Write]),
            ("POST /sign-in?principal=bob", &[Load, Delete, Write]),
            ("POST /sign-out", &[Load, Delete]),
            ("POST /sign-out-others", &[Load, Revoke]),
            ("POST /sign-out-everywhere", everywhere),
            ("POST /end?id=00000000000000000000000000000000", &[Load, Delete]),
            ("POST /end?id=nonsense", &[Load]),
            ("POST /fail?key=k&value=v", &[Load]),
            ("POST /panic?key=k&value=v", &[Load]),
            ("POST /save", &[Load, Write]),
            ("POST /save-then-fail", &[Load, Write]),
            ("POST /twice", &[Load, Write]),
        ] {
            costs(stage, &with_a_cart(&node, "alice").await, request, expected).await;
        }
    });
}

#[test]
fn a_sign_in_from_an_anonymous_session_costs_two() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        let browser = node.browser();
        browser.ok("POST /set?key=cart&value=full").await;
        costs(stage, &browser, "POST /sign-in?principal=alice", &[Load, Write]).await;
    });
}

#[test]
fn what_changes_nothing_writes_nothing() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        let browser = with_a_cart(&node, "alice").await;
        browser.ok("POST /set?key=other&value=1").await;
        for request in [
            "POST /set?key=cart&value=full",
            "POST /set?key=other&value=1",
            "POST /remove?key=missing",
            "GET /read",
        ] {
            costs(stage, &browser, request, &[Load]).await;
        }
        browser.ok("POST /clear").await;
        costs(stage, &browser, "POST /clear", &[Load]).await;
    });
}

#[test]
fn a_token_that_was_never_issued_costs_one_read_and_only_if_asked_for() {
    on_every_store(async |stage| {
        let node = stage.node().await;
        let issued = node.signed_in("alice").await.token();
        let stranger = node.browser().with_token(with_other_id(&issued));
        costs(stage, &stranger, "GET /none", &[]).await;
        costs(stage, &stranger, "GET /anon", &[]).await;
        costs(stage, &stranger, "GET /read", &[Load]).await;
        costs(stage, &stranger, "POST /rotate", &[Load]).await;
        costs(stage, &stranger, "POST /sign-out", &[Load]).await;
        for malformed in ["", "x", &issued[1..], &format!("{issued}A"), &"1".repeat(8000)] {
            let browser = node.browser().with_token(malformed);
            costs(stage, &browser, "GET /anon", &[]).await;
            costs(stage, &browser, "GET /read", &[]).await;
            costs(stage, &browser, "POST /sign-out", &[]).await;
        }
    });
}

#[test]
fn a_touch_is_due_after_a_twentieth_of_the_idle_timeout() {
    on_every_store_itself(async |stage| {
        let sign_in = "POST /sign-in?principal=alice";
        touches_every(stage, sign_in, Duration::from_secs(90)).await;
    });
}

#[test]
fn a_touch_is_due_hourly_when_the_idle_timeout_is_long() {
    on_every_store_itself(async |stage| {
        let sign_in = "POST /sign-in?principal=alice&remember=true";
        touches_every(stage, sign_in, Duration::from_secs(3600)).await;
    });
}

#[test]
fn a_write_is_a_touch_too() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        stage.clock.advance(Duration::from_secs(100));
        costs(stage, &browser, "POST /add?key=n", &[Load, Write]).await;
        costs(stage, &browser, "GET /read", &[Load]).await;
        stage.clock.advance(Duration::from_secs(89));
        costs(stage, &browser, "GET /read", &[Load]).await;
    });
}

#[test]
fn a_hundred_reads_set_no_cookie_and_write_nothing() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        let browser = with_a_cart(&node, "alice").await;
        stage.recording.take();
        for _ in 0..100 {
            browser.ok("GET /read").await.assert_cookie_left_alone("a read");
        }
        assert_eq!(stage.recording.take(), [Load; 100]);
    });
}

async fn touches_every(stage: &Stage, sign_in: &str, period: Duration) {
    let node = stage.node().await;
    let browser = node.browser();
    browser.ok(sign_in).await;
    for _ in 0..3 {
        stage.clock.advance(period - Duration::from_millis(1));
        costs(stage, &browser, "GET /read", &[Load]).await;
        stage.clock.advance(Duration::from_millis(1));
        costs(stage, &browser, "GET /read", &[Load, Touch]).await;
        costs(stage, &browser, "GET /read", &[Load]).await;
    }
}

async fn with_a_cart(node: &Node, principal: &str) -> Browser {
    let browser = node.signed_in(principal).await;
    browser.ok("POST /set?key=cart&value=full").await;
    browser
}

async fn costs(stage: &Stage, browser: &Browser, request: &str, expected: &[Verb]) {
    stage.recording.take();
    browser.send(request).await;
    assert_eq!(stage.recording.take(), expected, "{request}");
}
