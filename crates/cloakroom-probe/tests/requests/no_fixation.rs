//! Invariant 3: no fixation.

use serde_json::json;

use crate::browser::State;
use crate::encodings::{id_of, with_other_id, with_wrong_secret};
use crate::stage::on_every_strategy;

#[test]
fn the_token_from_before_the_sign_in_is_dead_at_once_for_everyone() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.browser();
        browser.ok("POST /set?key=cart&value=full").await;
        let planted = browser.token();

        // Requests with the planted token that have loaded the session, and go on after the sign-in.
        let early: Vec<_> = (0..25)
            .map(|n| {
                let attacker = browser.with_token(&planted);
                attacker.begin(&format!("POST /set?key=evil{n}&value=1&delay_ms=1"))
            })
            .collect();
        stage.barriers.reached(1, 25).await;
        browser.ok("POST /sign-in?principal=alice").await;
        assert_ne!(browser.token(), planted);

        let late: Vec<_> = (0..50)
            .map(|_| browser.with_token(&planted).begin("GET /read"))
            .collect();
        stage.barriers.open(1);
        for answer in late {
            let answer = answer.await.unwrap();
            assert_eq!(answer.body, r#"{"principal":null,"data":{}}"#);
        }
        for answer in early {
            answer.await.unwrap().assert_cookie_left_alone("a planted token");
        }
        // The cart has come along, and nothing else.
        let expected = State::of(Some("alice"), json!({"cart": "full"}));
        assert_eq!(browser.state().await, expected);
    });
}

#[test]
fn a_token_of_the_attackers_choice_is_never_adopted() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let alice = node.signed_in("alice").await;
        alice.ok("POST /set?key=mine&value=1").await;
        let of_no_session = format!("1{}", "A".repeat(64));
        let chosen = [
            of_no_session,
            with_other_id(&alice.token()),
            with_wrong_secret(&alice.token()),
        ];
        for token in &chosen {
            let browser = node.browser().with_token(token);
            assert_eq!(browser.state().await, State::default());
            for request in [
                "POST /set?key=k&value=v",
                "POST /add?key=n",
                "POST /rotate",
                "POST /clear",
            ] {
                browser.with_token(token).ok(request).await;
                node.assert_dead(token, request).await;
            }
            browser.ok("POST /sign-in?principal=mallory").await;
            assert_ne!(id_of(&browser.token()), id_of(token), "an id of the server's own");
            assert_eq!(browser.state().await.principal.as_deref(), Some("mallory"));
            node.assert_dead(token, "sign-in").await;
        }
        let expected = State::of(Some("alice"), json!({"mine": "1"}));
        assert_eq!(
            alice.state().await,
            expected,
            "and the victim's session is as it was"
        );
    });
}

#[test]
fn signing_in_as_somebody_else_ends_the_session_and_begins_an_empty_one() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        browser.ok("POST /set?key=secret&value=of-alice").await;
        let of_alice = browser.token();
        browser.ok("POST /sign-in?principal=bob").await;
        assert_ne!(id_of(&browser.token()), id_of(&of_alice));
        assert_eq!(browser.state().await, State::of(Some("bob"), json!({})));
        node.assert_dead(&of_alice, "alice's session").await;
        stage.assert_count(1).await;
    });
}

#[test]
fn signing_in_again_rotates_and_keeps_the_data() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        browser.ok("POST /set?key=k&value=v").await;
        let before = browser.token();
        browser.ok("POST /sign-in?principal=alice").await;
        node.assert_dead(&before, "the token from before").await;
        assert_eq!(browser.state().await, State::of(Some("alice"), json!({"k": "v"})));
        stage.assert_count(1).await;
    });
}

#[test]
fn rotating_changes_the_token_and_nothing_else() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        browser.ok("POST /set?key=k&value=v").await;
        let before = browser.token();
        let listed = async || match stage.can("GET /sessions") {
            true => browser.devices().await,
            false => Vec::new(),
        };
        let devices = listed().await;
        browser.ok("POST /rotate").await;
        node.assert_dead(&before, "the token from before").await;
        assert_eq!(browser.state().await, State::of(Some("alice"), json!({"k": "v"})));
        assert_eq!(listed().await, devices);
    });
}

#[test]
fn a_double_click_on_sign_in_leaves_both_answers_usable() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.browser();
        browser.ok("POST /set?key=cart&value=full").await;
        let anonymous = browser.token();
        let clicks = [
            browser.begin("POST /sign-in?principal=alice&delay_ms=1"),
            browser.begin("POST /sign-in?principal=alice&delay_ms=1"),
        ];
        stage.barriers.reached(1, 2).await;
        stage.barriers.open(1);
        let mut carts = Vec::new();
        for click in clicks {
            let state = node.state(&click.await.unwrap().token()).await;
            assert_eq!(state.principal.as_deref(), Some("alice"));
            carts.push(state.data.contains_key("cart"));
        }
        carts.sort_unstable();
        assert_eq!(carts, [false, true], "the cart has gone to one of them, once");
        assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
        node.assert_dead(&anonymous, "the anonymous token").await;
    });
}

#[test]
fn two_users_signing_in_from_one_browser_never_mix() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.browser();
        browser.ok("POST /set?key=cart&value=full").await;
        let clicks = ["alice", "bob"].map(|principal| {
            let request = format!("POST /sign-in?principal={principal}&delay_ms=1");
            (principal, browser.begin(&request))
        });
        stage.barriers.reached(1, 2).await;
        stage.barriers.open(1);
        let mut carts = 0;
        for (principal, click) in clicks {
            let one = node.browser().with_token(click.await.unwrap().token());
            let state = one.state().await;
            assert_eq!(state.principal.as_deref(), Some(principal));
            carts += state.data.len();
        }
        assert_eq!(carts, 1);
        stage.assert_count(2).await;
    });
}
