//! Invariant 7: expiry is the server's.

use std::time::Duration;

use cloakroom::store::Timestamp;
use cloakroom::testing::ManualClock;
use cloakroom::{Lifetime, Policy};
use cloakroom_probe::doubles::{Fault, Verb};
use serde_json::json;

use crate::browser::State;
use crate::encodings::id_of;
use crate::stage::{on_every_sealed_store, on_every_store, on_every_store_that_lists, on_every_strategy};

const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_session_lives_until_its_idle_timeout_and_no_longer() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        for request in ["POST /sign-in?principal=alice", "POST /set?key=k&value=v"] {
            let (early, late) = (node.browser(), node.browser());
            early.ok(request).await;
            late.ok(request).await;
            stage.clock.advance(30 * MINUTE - MILLI);
            assert_ne!(
                early.state().await,
                State::default(),
                "{request}: a millisecond before"
            );
            stage.clock.advance(MILLI);
            assert_eq!(late.state().await, State::default(), "{request}: at the timeout");
            assert_ne!(early.state().await, State::default(), "{request}: it was touched");
        }
    });
}

#[test]
fn touches_keep_a_session_until_its_absolute_timeout_and_no_longer() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let begun = stage.clock.now();
        for _ in 0..71 {
            stage.clock.advance(20 * MINUTE);
            assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        }
        stage.clock.set(begun.saturating_add(DAY - MILLI));
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        browser.ok("POST /add?key=n").await;
        stage.clock.advance(MILLI);
        assert_eq!(browser.state().await, State::default());
    });
}

#[test]
fn signing_in_again_begins_the_absolute_timeout_anew() {
    on_every_strategy(async |stage| {
        let policy = Policy::default().lifetime(Lifetime::new(DAY, DAY).unwrap());
        let node = stage.serve(&stage.sessions().policy(policy)).await;
        let browser = node.signed_in("alice").await;
        stage.clock.advance(DAY - MILLI);
        browser.ok("POST /sign-in?principal=alice").await;
        stage.clock.advance(DAY - MILLI);
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        // A rotation does not.
        browser.ok("POST /rotate").await;
        stage.clock.advance(MILLI);
        assert_eq!(browser.state().await, State::default());
    });
}

#[test]
fn what_expired_stays_expired_and_the_next_session_is_another() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        browser.ok("POST /set?key=old&value=1").await;
        let old = browser.token();
        stage.clock.advance(DAY);
        browser.ok("POST /set?key=new&value=1").await;
        assert_eq!(browser.state().await, State::of(None, json!({"new": "1"})));
        assert_ne!(id_of(&browser.token()), id_of(&old));
        node.assert_dead(&old, "the expired token").await;
    });
}

#[test]
fn a_reader_does_not_delete_what_it_finds_expired() {
    on_every_store(async |stage| {
        let ahead = ManualClock::at(stage.clock.now().saturating_add(2 * HOUR));
        let node = stage.node().await;
        let wrong = stage.serve(&stage.sessions().clock(&ahead)).await;
        let browser = node.signed_in("alice").await;
        stage.recording.take();
        let there = browser.at(wrong.address);
        assert_eq!(
            there.state().await,
            State::default(),
            "the node with the wrong clock says so"
        );
        there.ok("POST /sign-out").await;
        let mut asked = stage.recording.take();
        asked.dedup();
        assert_eq!(asked, [Verb::Load]);
        assert_eq!(
            browser.state().await.principal.as_deref(),
            Some("alice"),
            "and the others do not"
        );
    });
}

#[test]
fn a_sweep_leaves_alone_what_has_only_just_expired() {
    on_every_store(async |stage| {
        let sessions = stage.sessions();
        let node = stage.serve(&sessions).await;
        let browser = node.signed_in("alice").await;
        stage.clock.advance(30 * MINUTE);
        browser.state().await;
        let swept = async || sessions.sweeper().sweep().await.unwrap().removed;
        assert_eq!(swept().await, 0, "within the margin");
        if stage.card().expires_by_itself {
            // The server's clock has not moved: it keeps what has expired by ours.
            stage.clock.advance(DAY);
            assert_eq!(swept().await, 0, "there is nothing to do");
            assert_eq!(stage.count().await, 1);
            return;
        }
        stage.clock.advance(10 * MINUTE);
        assert_eq!(swept().await, 0, "at the margin");
        stage.clock.advance(MILLI);
        assert_eq!(swept().await, 1, "past the margin");
        assert_eq!(stage.count().await, 0);
    });
}

#[test]
fn a_sweeper_goes_on_after_an_error() {
    on_every_store(async |stage| {
        if stage.card().expires_by_itself {
            return;
        }
        let sessions = stage.sessions();
        let node = stage.serve(&sessions).await;
        node.signed_in("alice").await;
        stage.clock.advance(HOUR);
        stage.flaky.fail(Verb::Sweep, Fault::LostRequest, 2);
        let sweeper = sessions.sweeper().every(MILLI).start();
        let mut looking = tokio::time::interval(MILLI);
        while stage.count().await > 0 {
            looking.tick().await;
        }
        assert_eq!(stage.flaky.failed(), 2);
        sweeper.stop().await;
    });
}

#[test]
fn the_server_decides_though_the_store_keeps_everything_for_ever() {
    on_every_sealed_store(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let id = id_of(&browser.token());
        // Whoever writes to the store can move what a touch moves, but not the absolute timeout.
        let mut record = stage.record(&id).await.unwrap();
        record.last_seen = Timestamp::MAX;
        record.expires = Timestamp::MAX;
        stage.put(&id, record).await;
        stage.clock.advance(DAY - MILLI);
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        stage.clock.advance(MILLI);
        assert_eq!(browser.state().await, State::default());
    });
}

#[test]
fn an_expiry_beyond_what_last_seen_allows_is_not_believed() {
    on_every_store(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let id = id_of(&browser.token());
        let mut record = stage.record(&id).await.unwrap();
        record.expires = Timestamp::MAX;
        stage.put(&id, record).await;
        stage.clock.advance(30 * MINUTE);
        assert_eq!(browser.state().await, State::default());
    });
}

#[test]
fn remember_me_outlives_the_browser_and_lives_longer() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.browser();
        let answer = browser.ok("POST /sign-in?principal=alice&remember=true").await;
        assert!(
            answer.set_cookies()[0].contains("; Max-Age=2592000;"),
            "{answer:?}"
        );
        stage.clock.advance(14 * DAY - MILLI);
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        stage.clock.advance(14 * DAY - MILLI);
        // The cookie that replaces it ends when the session does, and no later.
        let answer = browser.ok("POST /rotate").await;
        assert!(
            answer.set_cookies()[0].contains("; Max-Age=172800;"),
            "{answer:?}"
        );
        stage.clock.advance(2 * DAY + MILLI);
        assert_eq!(browser.state().await, State::of(Some("alice"), json!({})));
        stage.clock.advance(MILLI);
        assert_eq!(browser.state().await, State::default());
    });
}

#[test]
fn without_remember_me_the_cookie_ends_with_the_browser() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        for request in [
            "POST /set?key=k&value=v",
            "POST /sign-in?principal=alice",
            "POST /sign-in?principal=alice&remember=false",
        ] {
            let answer = node.browser().ok(request).await;
            let line = &answer.set_cookies()[0];
            assert!(!line.contains("Max-Age") && !line.contains("Expires"), "{line}");
        }
        // Who was remembered and is not any more, neither.
        let browser = node.browser();
        browser.ok("POST /sign-in?principal=alice&remember=true").await;
        let answer = browser.ok("POST /sign-in?principal=alice").await;
        assert!(!answer.set_cookies()[0].contains("Max-Age"), "{answer:?}");
        stage.clock.advance(30 * MINUTE);
        assert_eq!(browser.state().await, State::default());
    });
}

#[test]
fn expired_sessions_are_in_no_list() {
    on_every_store_that_lists(async |stage| {
        let node = stage.node().await;
        let old = node.signed_in("alice").await;
        stage.clock.advance(20 * MINUTE);
        let new = node.signed_in("alice").await;
        assert_eq!(new.devices().await.len(), 2);
        stage.clock.advance(10 * MINUTE);
        assert_eq!(new.devices().await.len(), 1);
        assert_eq!(old.state().await, State::default());
    });
}
