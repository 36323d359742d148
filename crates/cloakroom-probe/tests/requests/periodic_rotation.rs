//! Periodic rotation: a lost response locks nobody out, and a token used past its grace is taken for stolen.

use std::time::Duration;

use cloakroom::Policy;
use cloakroom_probe::doubles::{Fault, Verb};

use crate::browser::{Browser, State};
use crate::encodings::id_of;
use crate::stage::{Node, Stage, on_every_store};

const PERIOD: Duration = Duration::from_secs(600);

#[test]
fn a_session_in_use_gets_a_new_token_now_and_then() {
    on_every_store(async |stage| {
        let (_, browser) = rotating(stage).await;
        let first = browser.token();
        stage.clock.advance(PERIOD - Duration::from_millis(1));
        browser.ok("GET /read").await.assert_cookie_left_alone("not due");
        stage.clock.advance(Duration::from_millis(1));
        browser.ok("GET /read").await;
        assert_ne!(browser.token(), first);
        assert_eq!(id_of(&browser.token()), id_of(&first));
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        browser
            .ok("GET /read")
            .await
            .assert_cookie_left_alone("only just rotated");
    });
}

#[test]
fn a_lost_response_locks_nobody_out() {
    on_every_store(async |stage| {
        let (_, browser) = rotating(stage).await;
        browser.ok("POST /set?key=cart&value=full").await;
        let first = browser.token();
        stage.clock.advance(PERIOD);
        // The response with the new token never arrives, twice.
        for _ in 0..2 {
            let lost = browser.with_token(&first);
            lost.ok("GET /read").await;
            assert_ne!(lost.token(), first);
            assert_eq!(browser.state().await.data["cart"], "full");
            browser
                .ok("POST /add?key=n")
                .await
                .assert_cookie_left_alone("in its grace");
            stage.clock.advance(Duration::from_secs(30));
        }
        // The third arrives, and all that was written meanwhile is there.
        browser.ok("GET /read").await;
        assert_ne!(browser.token(), first);
        let state = browser.state().await;
        assert_eq!(state.principal.as_deref(), Some("alice"));
        assert_eq!(state.data["n"], 2);
        assert_eq!(state.data["cart"], "full");
    });
}

#[test]
fn requests_that_left_together_all_succeed_and_one_rotates() {
    on_every_store(async |stage| {
        let (_, browser) = rotating(stage).await;
        let old = browser.with_token(browser.token());
        stage.clock.advance(PERIOD);
        let requests: Vec<_> = (0..50)
            .map(|_| browser.begin("POST /add?key=n&delay_ms=1"))
            .collect();
        stage.barriers.reached(1, 50).await;
        stage.barriers.open(1);
        let mut rotations = 0;
        for request in requests {
            let answer = request.await.unwrap();
            assert_eq!(answer.status, 204);
            rotations += answer.set_cookies().len();
        }
        assert_eq!(rotations, 1);
        assert_eq!(browser.without_snapshot().state().await.data["n"], 50);
        assert_eq!(
            old.without_snapshot().state().await.data["n"],
            50,
            "a straggler is in the grace"
        );
    });
}

#[test]
fn a_rotation_that_lost_its_reply_from_the_store_is_handed_out() {
    on_every_store(async |stage| {
        let (_, browser) = rotating(stage).await;
        let old = browser.token();
        stage.clock.advance(PERIOD);
        stage.flaky.fail(Verb::Write, Fault::LostReply, 1);
        browser.ok("GET /read").await;
        assert_ne!(browser.token(), old);
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
    });
}

#[test]
fn the_old_token_is_good_for_seconds_after_the_new_one_was_seen() {
    on_every_store(async |stage| {
        let (_, browser) = rotating(stage).await;
        let old = browser.with_token(browser.token());
        stage.clock.advance(PERIOD);
        browser.ok("GET /read").await;
        browser.ok("GET /read").await;
        stage.clock.advance(Duration::from_millis(9_999));
        old.ok("POST /set?key=late&value=1")
            .await
            .assert_cookie_left_alone("in its grace");
        assert_eq!(browser.without_snapshot().state().await.data["late"], "1");
    });
}

#[test]
fn a_token_used_after_its_grace_ends_the_session() {
    on_every_store(async |stage| {
        let (node, browser) = rotating(stage).await;
        let stolen = browser.with_token(browser.token());
        stage.clock.advance(PERIOD);
        browser.ok("GET /read").await;
        browser.ok("GET /read").await;
        stage.clock.advance(Duration::from_secs(10));
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        let answer = stolen.ok("POST /set?key=evil&value=1").await;
        answer.assert_cookie_left_alone("a stolen token");
        assert_eq!(browser.state().await, State::default(), "for both of them");
        node.assert_dead(&stolen.token(), "the stolen token").await;
        assert_eq!(stage.count().await, 0);
    });
}

#[test]
fn an_explicit_rotation_gives_no_grace() {
    on_every_store(async |stage| {
        let (node, browser) = rotating(stage).await;
        let first = browser.token();
        stage.clock.advance(PERIOD);
        browser.ok("GET /read").await;
        let second = browser.token();
        browser.ok("POST /rotate").await;
        node.assert_dead(&first, "the token before the periodic rotation")
            .await;
        node.assert_dead(&second, "the token before the explicit one")
            .await;
        let state = browser.state().await;
        assert_eq!(
            state.principal.as_deref(),
            Some("alice"),
            "and it is not due again"
        );
    });
}

async fn rotating(stage: &Stage) -> (Node, Browser) {
    let policy = Policy::default().rotate_every(Some(PERIOD)).unwrap();
    let node = stage.serve(&stage.sessions().policy(policy)).await;
    let browser = node.signed_in("alice").await;
    (node, browser)
}
