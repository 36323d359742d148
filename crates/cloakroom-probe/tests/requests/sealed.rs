//! What sealed sessions do otherwise: nothing is read or written but marks, and those reach other nodes within a bound.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use cloakroom::store::Error;
use cloakroom::{Cookie, Sessions};
use cloakroom_probe::doubles::Verb::{self, Mark, MarksOf, News};
use cloakroom_probe::doubles::{Hook, Moment};
use serde_json::json;

use crate::browser::{Answer, Browser, NAME, State};
use crate::stage::{Node, Stage, on_sealed_sessions};

/// Short, because it is waited for.
const BOUND: Duration = Duration::from_millis(500);

// Invariant 1, as far as it goes.

#[test]
fn one_after_the_other_no_update_is_lost() {
    on_sealed_sessions(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        for _ in 0..50 {
            browser.ok("POST /add?key=n").await;
        }
        assert_eq!(browser.state().await.data["n"], 50);
    });
}

#[test]
fn of_parallel_writes_the_last_cookie_wins_and_is_whole() {
    on_sealed_sessions(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        browser.ok("POST /set?key=before&value=there").await;
        let both = [
            browser.begin("POST /set?key=a&value=1&delay_ms=1"),
            browser.begin("POST /set?key=b&value=2&delay_ms=1"),
        ];
        stage.barriers.reached(1, 2).await;
        stage.barriers.open(1);
        let mut states = Vec::new();
        for one in both {
            states.push(node.state(&one.await.unwrap().token()).await);
        }
        let whole = |data| State::of(Some("alice"), data);
        assert_eq!(states[0], whole(json!({"before": "there", "a": "1"})));
        assert_eq!(states[1], whole(json!({"before": "there", "b": "2"})));
        assert!(states.contains(&browser.state().await));
    });
}

// Invariants 4 and 6.

#[test]
fn a_response_sets_the_cookie_only_if_the_session_was_created_changed_rotated_or_ended() {
    on_sealed_sessions(async |stage| {
        let node = stage.node().await;
        for request in [
            "GET /none",
            "GET /anon",
            "GET /read",
            "GET /private",
            "GET /sessions",
            "POST /set?key=cart&value=full",
            "POST /remove?key=missing",
            "POST /sign-in-then-fail",
            "POST /fail?key=k&value=v",
            "POST /panic?key=k&value=v",
            "POST /end?id=00000000000000000000000000000000",
            "POST /end?id=nonsense",
        ] {
            let browser = with_a_cart(&node, "alice").await;
            browser.send(request).await.assert_cookie_left_alone(request);
        }
        for request in [
            "POST /set?key=k&value=v",
            "POST /add?key=n",
            "POST /remove?key=cart",
            "POST /clear",
            "POST /save",
            "POST /save-then-fail",
            "POST /rotate",
            "POST /sign-in?principal=alice",
            "POST /sign-in?principal=bob",
            "POST /sign-out-others",
            "POST /sign-out-then-set",
        ] {
            let browser = with_a_cart(&node, "alice").await;
            assert_ne!(browser.token(), browser.send(request).await.token(), "{request}");
            assert_ne!(browser.state().await, State::default(), "{request}");
        }
        for request in [
            "POST /sign-out",
            "POST /sign-out-everywhere",
            "POST /sign-out-then-fail",
        ] {
            let browser = with_a_cart(&node, "alice").await;
            let token = browser.token();
            assert!(browser.send(request).await.removes_cookie(), "{request}");
            node.assert_dead(&token, request).await;
        }
    });
}

#[test]
fn each_route_costs_what_the_design_says() {
    on_sealed_sessions(async |stage| {
        let node = stage.node().await;
        let cart = async || with_a_cart(&node, "alice").await;
        // What is new is read within the bound, and no request after that one pays for it.
        stage.recording.take();
        cart().await.ok("GET /read").await;
        assert!(stage.recording.take().contains(&News));
        for (request, expected) in [
            ("GET /none", &[][..]),
            ("GET /anon", &[]),
            ("GET /read", &[]),
            ("GET /sessions", &[]),
            ("POST /set?key=k&value=v", &[]),
            ("POST /add?key=n", &[]),
            ("POST /remove?key=cart", &[]),
            ("POST /clear", &[]),
            ("POST /save", &[]),
            ("POST /twice", &[]),
            ("POST /fail?key=k&value=v", &[]),
            ("POST /panic?key=k&value=v", &[]),
            ("POST /end?id=nonsense", &[]),
            ("POST /rotate", &[News, Mark]),
            ("POST /sign-in?principal=alice", &[News, Mark]),
            ("POST /sign-in?principal=bob", &[Mark, MarksOf]),
            ("POST /sign-out", &[Mark]),
            ("POST /sign-out-others", &[News, Mark]),
            ("POST /sign-out-everywhere", &[News, Mark]),
        ] {
            costs(stage, &cart().await, request, expected).await;
        }
        costs(stage, &node.browser(), "POST /set?key=k&value=v", &[]).await;
        costs(
            stage,
            &node.browser(),
            "POST /sign-in?principal=alice",
            &[MarksOf],
        )
        .await;
        let browser = node.browser();
        browser.ok("POST /set?key=cart&value=full").await;
        costs(stage, &browser, "POST /sign-in?principal=alice", &[News, Mark]).await;
    });
}

#[test]
fn a_touch_is_a_cookie_after_a_twentieth_of_the_idle_timeout() {
    on_sealed_sessions(async |stage| {
        let browser = stage.node().await.signed_in("alice").await;
        for _ in 0..3 {
            stage.clock.advance(Duration::from_millis(89_999));
            browser.ok("GET /read").await.assert_cookie_left_alone("not due");
            stage.clock.advance(Duration::from_millis(1));
            assert_ne!(browser.token(), browser.ok("GET /read").await.token(), "due");
            browser.ok("GET /read").await.assert_cookie_left_alone("done");
        }
    });
}

// Invariants 3 and 5, and what is told to whom.

#[test]
fn whatever_does_not_open_is_anonymous_and_looks_the_same() {
    on_sealed_sessions(async |stage| {
        let node = stage.node().await;
        let genuine = with_a_cart(&node, "alice").await.token();
        let look = async |node: &Node, value: &[u8]| {
            let cookie = [NAME.as_bytes(), b"=", value].concat();
            node.app.call("GET /read", &cookie).await
        };
        let anonymous = look(&node, b"nonsense").await;
        assert_eq!(
            (anonymous.status, anonymous.body.as_str()),
            (200, r#"{"principal":null,"data":{}}"#)
        );
        let check = async |node: &Node, value: &[u8]| {
            assert_eq!(look(node, value).await, anonymous, "{}", value.escape_ascii());
        };
        let seen = look(&node, genuine.as_bytes()).await;
        assert!(
            seen.status == 200 && seen.body != anonymous.body,
            "the genuine one opens"
        );
        for at in 0..genuine.len() {
            check(&node, &genuine.as_bytes()[..at]).await;
            for bit in 0..8 {
                let mut flipped = genuine.as_bytes().to_vec();
                flipped[at] ^= 1 << bit;
                // What no header can carry never arrives, and a semicolon ends the cookie.
                if matches!(flipped[at], 0x20..=0x7e | 0x80..) {
                    check(&node, &flipped).await;
                }
            }
        }
        // Of another application, under another name, and not sealed at all.
        let shop = stage.serve(&stage.sessions().application("shop").unwrap()).await;
        check(&shop, genuine.as_bytes()).await;
        let named = Cookie::builder("other").build().unwrap();
        let other = stage.serve(&stage.sessions().cookie(named)).await;
        let of_other = other.browser();
        let answer = of_other.send("POST /sign-in?principal=alice").await;
        let line = answer.header("set-cookie")[0].to_owned();
        let value = line
            .strip_prefix("__Host-other=")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        check(&node, value.as_bytes()).await;
        for unsealed in [
            r#"{"v":1,"sub":"alice","data":{}}"#,
            "eyJ2IjoxLCJzdWIiOiJhbGljZSIsImRhdGEiOnt9fQ",
            "v4.local.eyJ2IjoxLCJzdWIiOiJhbGljZSIsImRhdGEiOnt9fQ",
            "v4.public.eyJ2IjoxLCJzdWIiOiJhbGljZSIsImRhdGEiOnt9fQ",
        ] {
            check(&node, unsealed.as_bytes()).await;
        }
    });
}

#[test]
fn what_asks_no_store_does_not_notice_an_outage_until_the_bound() {
    on_sealed_sessions(async |stage| {
        let sessions = stage.sealed_with(|revocations| revocations.refresh_within(Duration::from_secs(3600)));
        let browser = with_a_cart(&stage.serve(&sessions).await, "alice").await;
        let node = stage
            .serve(&sessions.store_timeout(Duration::from_millis(100)))
            .await;
        let browser = browser.at(node.address);
        // Once it knows what has ended, which a busy machine may not have learned at the first try.
        while browser.send("GET /read").await.status != 200 {}
        // Another node, whose copy is past the bound at once.
        let strict = stage.sealed_with(|revocations| revocations.refresh_within(Duration::ZERO));
        let strict = stage
            .serve(&strict.store_timeout(Duration::from_millis(100)))
            .await;
        for health in [
            cloakroom_probe::doubles::Health::Down,
            cloakroom_probe::doubles::Health::Hanging,
        ] {
            stage.flaky.is(health);
            for request in ["GET /read", "POST /add?key=n", "POST /save", "GET /none"] {
                browser.ok(request).await;
            }
            for request in [
                "POST /rotate",
                "POST /sign-in?principal=alice",
                "POST /sign-in?principal=bob",
                "POST /sign-out",
                "POST /sign-out-others",
                "POST /sign-out-everywhere",
            ] {
                browser.send(request).await.assert_outage(request);
            }
            let there = browser.at(strict.address);
            for request in [
                "GET /read",
                "POST /add?key=n",
                "POST /sign-out",
                "POST /fail?key=k&value=v",
            ] {
                there.send(request).await.assert_outage(request);
            }
            there.ok("GET /anon").await;
            strict.browser().ok("GET /read").await;
            stage.flaky.is(cloakroom_probe::doubles::Health::Up);
            assert_eq!(browser.state().await.principal.as_deref(), Some("alice"));
            assert_eq!(browser.state().await.data["cart"], "full", "{health:?}");
        }
    });
}

// Invariant 9.

#[test]
fn a_captured_cookie_is_refused_after_a_sign_out_everywhere_it_is_replayed() {
    on_sealed_sessions(async |stage| {
        let within = |stage: &Stage| stage.sealed_with(|revocations| revocations.refresh_within(BOUND));
        let (here, there) = (
            stage.serve(&within(stage)).await,
            stage.serve(&within(stage)).await,
        );
        for ending in [
            "POST /sign-out",
            "POST /sign-out-everywhere",
            "POST /sign-out-others",
            "POST /rotate",
            "POST /sign-in?principal=alice",
            "POST /sign-in?principal=bob",
        ] {
            let browser = here.signed_in("alice").await;
            let captured = browser.token();
            assert_eq!(there.state(&captured).await.principal.as_deref(), Some("alice"));
            browser.ok(ending).await;
            // At once on the same node.
            here.assert_dead(&captured, ending).await;
            // Within the bound on another.
            tokio::time::timeout(10 * BOUND, async {
                let mut looking = tokio::time::interval(BOUND / 10);
                while there.state(&captured).await != State::default() {
                    looking.tick().await;
                }
            })
            .await
            .expect(ending);
            // After a restart of every node, too.
            let restarted = stage.node().await;
            restarted.assert_dead(&captured, ending).await;
            if !browser.has_no_cookie() {
                let kept = restarted.state(&browser.token()).await;
                assert!(
                    kept.principal.is_some(),
                    "{ending}: the one that took its place lives"
                );
            }
        }
    });
}

#[test]
fn an_ending_at_one_node_counts_for_the_next_request_at_one_that_reads_each_time() {
    on_sealed_sessions(async |stage| {
        let strict = || stage.sealed_with(|revocations| revocations.refresh_within(Duration::ZERO));
        let (sessions, there) = (strict(), stage.serve(&strict()).await);
        let here = stage.serve(&sessions).await;
        let visitor = there.browser();
        visitor.ok("POST /set?key=k&value=v").await;
        let devices = [
            here.signed_in("alice").await,
            there.signed_in("alice").await,
            there.signed_in("bob").await,
        ];
        devices[0].ok("POST /sign-out-everywhere").await;
        assert_eq!(devices[1].state().await, State::default());
        assert_eq!(devices[2].state().await.principal.as_deref(), Some("bob"));
        sessions.end_everyone().await.unwrap();
        assert_eq!(devices[2].state().await, State::default());
        assert_eq!(visitor.state().await, State::default());
        let again = here.signed_in("alice").await;
        assert_eq!(
            again.state().await.principal.as_deref(),
            Some("alice"),
            "and then life goes on"
        );
    });
}

#[test]
fn a_sign_in_that_races_a_revocation_is_ended_by_it_or_comes_after_it() {
    on_sealed_sessions(async |stage| {
        let node = stage.node().await;
        for (moment, lives) in [(Moment::After, false), (Moment::Before, true)] {
            let (old, new) = (node.signed_in("alice").await, node.browser());
            // It has read the marks there are, or is about to.
            stage.gate.hold(MarksOf, moment, 1);
            let signing_in = new.begin("POST /sign-in?principal=alice");
            stage.gate.held(1).await;
            old.ok("POST /sign-out-everywhere").await;
            stage.gate.release();
            let answer = signing_in.await.unwrap();
            assert_eq!(answer.status, 204);
            assert_eq!(
                new.has_no_cookie(),
                !lives,
                "a login that is over already is not handed out"
            );
            if lives {
                assert_eq!(new.state().await.principal.as_deref(), Some("alice"));
            }
        }
    });
}

// Invariant 10.

#[test]
fn a_request_dropped_while_it_sets_a_mark_has_happened_or_has_not() {
    on_sealed_sessions(async |stage| {
        let node = stage.node().await;
        for request in [
            "/rotate",
            "/sign-in?principal=alice",
            "/sign-in?principal=bob",
            "/sign-out",
        ] {
            let mut seen = Vec::new();
            for polls in 0.. {
                let browser = node.browser();
                browser.ok("POST /set?key=cart&value=full").await;
                let finished = poll_and_drop(stage, request, &browser.token(), polls).await;
                // Its own node is not told: asked where all marks are read.
                let strict = stage.sealed_with(|revocations| revocations.refresh_within(Duration::ZERO));
                let there = browser.at(stage.serve(&strict).await.address);
                let state = there.state().await;
                let untouched = State::of(None, json!({"cart": "full"}));
                assert!(
                    state == untouched || state == State::default(),
                    "{request} after {polls} polls: {state:?}"
                );
                let done = state == State::default();
                assert!(!finished || done, "{request} was answered");
                // It is usable, whatever it is: nothing was left locked.
                there.ok("POST /sign-in?principal=alice").await;
                assert_eq!(there.state().await.principal.as_deref(), Some("alice"));
                seen.push(done);
                if finished {
                    break;
                }
            }
            assert!(
                !seen[0] && seen.len() > 4,
                "{request} was dropped before and after each call"
            );
        }
    });
}

async fn poll_and_drop(stage: &Stage, path: &str, token: &str, polls: usize) -> bool {
    let sessions: Sessions = stage.sealed_behind(Yields);
    let app = stage.app(&sessions);
    let (request, cookie) = (format!("POST {path}"), format!("{NAME}={token}"));
    let mut running = pin!(app.call(&request, cookie.as_bytes()));
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match running.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits before and after each call, so that a future can be dropped there.
#[derive(Clone)]
struct Yields;

impl Hook for Yields {
    async fn around<T: Send>(
        &self,
        _verb: Verb,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        // Whoever is polled once more in the same breath waits all the same.
        wait_thrice().await;
        let answer = call.await;
        wait_thrice().await;
        answer
    }
}

async fn wait_thrice() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

async fn with_a_cart(node: &Node, principal: &str) -> Browser {
    let browser = node.signed_in(principal).await;
    browser.ok("POST /set?key=cart&value=full").await;
    browser
}

async fn costs(stage: &Stage, browser: &Browser, request: &str, expected: &[Verb]) {
    stage.recording.take();
    let _: Answer = browser.send(request).await;
    assert_eq!(stage.recording.take(), expected, "{request}");
}

// Invariant 9, where sign-ins are registered.

#[test]
fn registered_sign_ins_are_listed_and_ended_from_another_device_at_another_node() {
    on_sealed_sessions(async |stage| {
        let node = async || stage.serve(&stage.sealed_and_registered()).await;
        let (here, elsewhere) = (node().await, node().await);
        let phone = elsewhere.signed_in("alice").await;
        stage.clock.advance(Duration::from_secs(1));
        let laptop = here.signed_in("alice").await;
        here.signed_in("bob").await;
        here.browser().ok("POST /set?key=cart&value=full").await;
        let devices = laptop.devices().await;
        let [this, other] = &devices[..] else {
            panic!("{devices:?}")
        };
        assert_eq!((this.current, this.last_seen), (true, Some(this.created)));
        assert_eq!(
            (other.current, other.last_seen),
            (false, None),
            "only its cookie knows"
        );
        assert_eq!(other.created + 1000, this.created);

        let mallory = here.signed_in("mallory").await;
        mallory.ok(&format!("POST /end?id={}", other.id)).await;
        assert_eq!(laptop.devices().await.len(), 2, "it is not hers");
        laptop.ok(&format!("POST /end?id={}", other.id)).await;
        assert_eq!(laptop.devices().await, std::slice::from_ref(this));
        here.assert_dead(&phone.token(), "here at once").await;
        stage.clock.advance(Duration::from_secs(5));
        elsewhere
            .assert_dead(&phone.token(), "elsewhere within the bound")
            .await;
        assert_eq!(elsewhere.browser().ok("GET /sessions").await.body, "[]");
    });
}
