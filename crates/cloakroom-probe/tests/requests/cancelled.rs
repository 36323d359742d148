//! Invariant 10: cancelled is safe.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use cloakroom::Sessions;
use cloakroom::store::Error;
use cloakroom_probe::doubles::{Hook, Moment, Verb};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::browser::{NAME, State};
use crate::stage::{Stage, on_every_store, on_every_strategy};

#[test]
fn a_request_dropped_at_any_await_has_happened_or_has_not() {
    on_every_store(async |stage| {
        let sessions = stage.sessions();
        let node = stage.serve(&sessions).await;
        for (request, done) in [
            (
                "/set?key=k&value=v",
                State::of(None, json!({"cart": "full", "k": "v"})),
            ),
            ("/add?key=n", State::of(None, json!({"cart": "full", "n": 1}))),
            ("/remove?key=cart", State::default()),
            ("/save", State::of(None, json!({"cart": "full", "key": "saved"}))),
            // These give it another token, or none, which the client that went away does not have.
            ("/rotate", State::default()),
            ("/sign-in?principal=alice", State::default()),
            ("/sign-out", State::default()),
        ] {
            let mut seen = Vec::new();
            for polls in 0.. {
                let browser = node.browser();
                browser.ok("POST /set?key=cart&value=full").await;
                let finished = poll_and_drop(stage, &sessions, request, &browser.token(), polls).await;
                let state = browser.without_snapshot().state().await;
                let untouched = State::of(None, json!({"cart": "full"}));
                assert!(
                    state == untouched || state == done,
                    "{request} after {polls} polls: {state:?}"
                );
                assert!(!finished || state == done, "{request} was answered");
                // It is usable, whatever it is: nothing was left locked.
                browser.ok("POST /set?key=after&value=1").await;
                seen.push(state == done);
                if finished {
                    break;
                }
            }
            assert!(!seen[0], "{request} had not begun");
            assert!(
                seen.len() > 4,
                "{request} has an await before and after each call of the store"
            );
            // What was dropped on its way to a server may arrive, or not.
            assert!(
                seen.is_sorted() || stage.has_a_server(),
                "{request}: what has happened has happened: {seen:?}"
            );
        }
    });
}

#[test]
fn a_sign_in_dropped_at_any_await_leaves_one_whole_session() {
    on_every_store(async |stage| {
        let sessions = stage.sessions();
        let node = stage.serve(&sessions).await;
        for polls in 0.. {
            let browser = node.browser();
            browser.ok("POST /set?key=cart&value=full").await;
            let before = stage.count().await;
            let finished = poll_and_drop(
                stage,
                &sessions,
                "/sign-in?principal=alice",
                &browser.token(),
                polls,
            )
            .await;
            assert_eq!(stage.count().await, before, "one session, anonymous or signed in");
            let observer = node.signed_in("alice").await;
            if stage.can("GET /sessions") {
                let look = async || {
                    let devices = observer.devices().await.len() - 1;
                    let anonymous = browser.without_snapshot().state().await != State::default();
                    (devices, usize::from(!anonymous))
                };
                let (mut devices, mut signed_in) = look().await;
                if devices != signed_in && stage.has_a_server() {
                    // What was dropped on its way there has arrived between the two questions. It was one only.
                    (devices, signed_in) = look().await;
                }
                assert_eq!(devices, signed_in, "after {polls} polls");
            }
            stage.end_all(&sessions).await;
            if finished {
                break;
            }
        }
    });
}

#[test]
fn a_client_that_goes_away_while_its_handler_runs_changes_nothing() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        for request in [
            "POST /set?key=k&value=v&delay_ms=1",
            "POST /sign-in?principal=bob&delay_ms=1",
            "POST /sign-out?delay_ms=1",
        ] {
            let mut connection = TcpStream::connect(node.address).await.unwrap();
            let head = format!(
                "{request} HTTP/1.1\r\nHost: localhost\r\nCookie: {NAME}={}\r\n\r\n",
                browser.token()
            );
            connection.write_all(head.as_bytes()).await.unwrap();
            stage.barriers.reached(1, 1).await;
            drop(connection);
            // The server notices, and drops the handler.
            stage.barriers.reached(1, 0).await;
            assert_eq!(
                browser.state().await,
                State::of(Some("alice"), json!({})),
                "{request}"
            );
        }
        browser.ok("POST /set?key=k&value=v").await;
        assert_eq!(browser.state().await.data["k"], "v");
    });
}

#[test]
fn a_write_whose_client_went_away_is_whole_and_locks_nobody_out() {
    on_every_store(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        for moment in [Moment::Before, Moment::After] {
            stage.gate.hold(Verb::Write, moment, 1);
            let cookie = format!("{NAME}={}", browser.token());
            tokio::select! {
                answer = node.app.call("POST /add?key=n", cookie.as_bytes()) => panic!("held: {answer:?}"),
                // Now the other one is dropped.
                () = stage.gate.held(1) => {}
            }
            stage.gate.release();
            browser.ok("POST /add?key=n").await;
        }
        // The first was dropped before the store saw it, the second after.
        assert_eq!(browser.state().await.data["n"], 3);
    });
}

#[test]
fn a_handler_that_panics_leaves_nothing_and_the_server_lives() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let answer = browser.send("POST /panic?key=k&value=v").await;
        assert_eq!(answer.status, 500);
        answer.assert_cookie_left_alone("a panic");
        assert_eq!(browser.state().await, State::of(Some("alice"), json!({})));
    });
}

#[test]
fn a_5xx_drops_what_was_recorded() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.browser();
        browser.ok("POST /set?key=cart&value=full").await;
        for request in ["POST /fail?key=k&value=v", "POST /sign-in-then-fail"] {
            let answer = browser.send(request).await;
            assert_eq!(answer.status, 500, "{request}");
            answer.assert_cookie_left_alone(request);
            assert_eq!(
                browser.state().await,
                State::of(None, json!({"cart": "full"})),
                "{request}"
            );
        }
    });
}

#[test]
fn what_was_saved_survives_a_5xx() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let saved = State::of(None, json!({"key": "saved"}));
        let browser = node.browser();
        let answer = browser.send("POST /save-then-fail").await;
        assert_eq!(answer.status, 502);
        assert_eq!(
            browser.state().await,
            saved,
            "the cookie of the session that began was sent"
        );
        browser.send("POST /save-then-fail").await;
        assert_eq!(browser.state().await, saved);
    });
}

#[test]
fn no_5xx_undoes_an_ending() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let token = browser.token();
        let answer = browser.send("POST /sign-out-then-fail").await;
        assert_eq!(answer.status, 500);
        assert!(answer.removes_cookie());
        node.assert_dead(&token, "signed out").await;
    });
}

/// Sends a request whose store waits before and after each call, polls it so many times, and drops it unless it
/// is ready: whether it was.
async fn poll_and_drop(stage: &Stage, sessions: &Sessions, path: &str, token: &str, polls: usize) -> bool {
    let sessions = stage.over(Yields.before(sessions.store().clone()));
    let sessions = stage.with_keys(sessions);
    let app = stage.app(&sessions);
    let (request, cookie) = (format!("POST {path}"), format!("{NAME}={token}"));
    let mut running = pin!(app.call(&request, cookie.as_bytes()));
    let mut left = polls;
    // Polled only when it was woken: a store that answers from another thread is not asked in vain.
    poll_fn(|context| {
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
