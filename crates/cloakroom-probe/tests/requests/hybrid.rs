//! Sessions of which the browser keeps a snapshot: reading asks no store, and nothing is believed for longer than that.

use std::time::Duration;

use cloakroom::Revocations;
use cloakroom::stores::Memory;
use cloakroom_probe::doubles::Verb;
use serde_json::json;

use crate::browser::{Answer, NAME, SNAPSHOT, State};
use crate::encodings::id_of;
use crate::stage::{FRESH, Node, Stage, on_hybrid_sessions};

/// A browser that keeps both cookies.
#[derive(Clone)]
struct Browser {
    session: Option<String>,
    snapshot: Option<String>,
}

impl Browser {
    async fn signed_in(stage: &Stage, node: &Node) -> Self {
        let mut browser = Self {
            session: None,
            snapshot: None,
        };
        browser.ok(node, "POST /set?key=cart&value=full").await;
        browser.ok(node, "POST /sign-in?principal=alice").await;
        // A node believes no snapshot from the millisecond in which it gave out another token.
        stage.clock.advance(Duration::from_millis(1));
        browser.ok(node, "GET /read").await;
        assert!(browser.snapshot.is_some());
        stage.recording.take();
        browser
    }

    async fn ok(&mut self, node: &Node, request: &str) -> Answer {
        let lines = [(NAME, &self.session), (SNAPSHOT, &self.snapshot)];
        let pairs = lines.iter().filter_map(|(name, value)| {
            let value = value.as_ref()?;
            Some(format!("{name}={value}"))
        });
        let line = pairs.collect::<Vec<_>>().join("; ");
        let answer = node.exchange(request, &[line.as_str()]).await;
        assert!(answer.status < 300, "{request}: {answer:?}");
        if let [session] = &answer.set_cookies()[..] {
            let (pair, attributes) = session.split_once("; ").unwrap();
            let value = pair.split_once('=').unwrap().1;
            self.session = (!attributes.contains("Max-Age=0")).then(|| value.to_owned());
        }
        if let Some(snapshot) = answer.snapshot() {
            self.snapshot = snapshot;
        }
        answer
    }

    async fn state(&mut self, node: &Node) -> State {
        serde_json::from_str(&self.ok(node, "GET /read").await.body).unwrap()
    }
}

fn alice() -> State {
    State::of(Some("alice"), json!({"cart": "full"}))
}

#[test]
fn reading_asks_no_store_while_the_snapshot_is_fresh() {
    on_hybrid_sessions(async |stage| {
        let node = stage.node().await;
        let mut browser = Browser::signed_in(stage, &node).await;
        for _ in 0..5 {
            assert_eq!(browser.state(&node).await, alice());
        }
        assert_eq!(stage.recording.take().len(), 0);
        stage.clock.advance(FRESH);
        for _ in 0..5 {
            assert_eq!(browser.state(&node).await, alice());
        }
        assert_eq!(stage.recording.take().len(), 1);
    });
}

#[test]
fn parallel_updates_from_one_snapshot_all_count() {
    on_hybrid_sessions(async |stage| {
        let node = stage.node().await;
        let browser = Browser::signed_in(stage, &node).await;
        for _ in 0..20 {
            // Each with the snapshot from before all of them.
            browser.clone().ok(&node, "POST /add?key=n").await;
        }
        let mut browser = browser;
        browser.ok(&node, "POST /add?key=n").await;
        assert_eq!(browser.state(&node).await.data["n"], 21);
    });
}

#[test]
fn a_captured_pair_is_dead_here_at_once_and_elsewhere_within_the_bound() {
    on_hybrid_sessions(async |stage| {
        let requests = ["POST /sign-out", "POST /sign-out-everywhere", "POST /rotate"];
        for request in requests.into_iter().filter(|request| stage.can(request)) {
            let (here, elsewhere) = (stage.node().await, stage.node().await);
            let mut browser = Browser::signed_in(stage, &here).await;
            let mut captured = browser.clone();
            browser.ok(&here, request).await;
            assert_eq!(captured.clone().state(&here).await, State::default(), "{request}");
            assert_eq!(captured.clone().state(&elsewhere).await, alice(), "{request}");
            stage.clock.advance(FRESH);
            assert_eq!(captured.state(&elsewhere).await, State::default(), "{request}");
        }
    });
}

#[test]
fn the_pairs_of_other_browsers_are_dead_here_at_once_and_elsewhere_within_the_bound() {
    on_hybrid_sessions(async |stage| {
        let endings = [
            "POST /end?id=",
            "POST /sign-out-others",
            "POST /sign-out-everywhere",
        ];
        for ending in endings.into_iter().filter(|ending| stage.can(ending)) {
            let (here, elsewhere) = (stage.node().await, stage.node().await);
            let other = Browser::signed_in(stage, &elsewhere).await;
            let mut browser = Browser::signed_in(stage, &here).await;
            let request = match ending.ends_with('=') {
                true => format!("{ending}{}", id_of(other.session.as_deref().unwrap())),
                false => ending.to_owned(),
            };
            assert_eq!(other.clone().state(&here).await, alice(), "{ending}");
            browser.ok(&here, &request).await;
            let seen_by = async |node| other.clone().state(node).await;
            assert_eq!(seen_by(&here).await, State::default(), "{ending}");
            assert_eq!(seen_by(&elsewhere).await, alice(), "{ending}");
            // What it reads there, it cannot carry on.
            other
                .clone()
                .ok(&elsewhere, "POST /set?key=cart&value=more")
                .await;
            stage.clock.advance(FRESH);
            assert_eq!(seen_by(&elsewhere).await, State::default(), "{ending}");
            let stays = ending != "POST /sign-out-everywhere";
            assert_eq!(browser.state(&here).await == alice(), stays, "{ending}");
        }
    });
}

#[test]
fn reads_never_go_backwards_beyond_the_bound() {
    on_hybrid_sessions(async |stage| {
        let nodes = [stage.node().await, stage.node().await];
        let mut browser = Browser::signed_in(stage, &nodes[0]).await;
        let mut written = 0;
        for turn in 0..30 {
            // Written at one node and read at both, each with what the last answer has left.
            let (here, elsewhere) = (&nodes[turn % 2], &nodes[(turn + 1) % 2]);
            let before = browser.snapshot.clone();
            browser.ok(here, "POST /add?key=n").await;
            written += 1;
            for node in [elsewhere, here] {
                assert_eq!(browser.state(node).await.data["n"], written);
            }
            if turn % 3 == 0 && turn > 0 {
                // A slow response brings a snapshot from before: for as long as that is fresh, the browser sees it.
                browser.snapshot = before;
                assert_eq!(browser.state(elsewhere).await.data["n"], written - 1);
                stage.clock.advance(FRESH);
                assert_eq!(browser.state(elsewhere).await.data["n"], written);
            }
        }
    });
}

#[test]
fn a_snapshot_alone_or_of_another_session_is_nothing() {
    on_hybrid_sessions(async |stage| {
        let node = stage.node().await;
        let browser = Browser::signed_in(stage, &node).await;
        let mut alone = Browser {
            session: None,
            ..browser.clone()
        };
        assert_eq!(alone.state(&node).await, State::default());
        let mut mallory = Browser {
            session: None,
            snapshot: None,
        };
        mallory.ok(&node, "POST /sign-in?principal=mallory").await;
        mallory.snapshot.clone_from(&browser.snapshot);
        let principal = mallory.state(&node).await.principal;
        assert_eq!(principal.as_deref(), Some("mallory"));
    });
}

#[test]
fn what_is_sealed_for_one_purpose_opens_for_no_other() {
    on_hybrid_sessions(async |stage| {
        // The same key, application and cookie, and another strategy.
        let revocations = Revocations::danger_in_memory(Memory::default());
        let sealed = stage.serve(&stage.sealed(revocations)).await;
        let hybrid = stage.node().await;
        let browser = Browser::signed_in(stage, &hybrid).await;
        let mut of_sealed = Browser {
            session: None,
            snapshot: None,
        };
        of_sealed.ok(&sealed, "POST /sign-in?principal=mallory").await;
        let read = async |node: &Node, session: &str, snapshot: &str| {
            let line = format!("{NAME}={session}; {SNAPSHOT}={snapshot}");
            node.app.call("GET /read", line.as_bytes()).await
        };
        let (token, snapshot) = (browser.session.unwrap(), browser.snapshot.unwrap());
        let cookie = of_sealed.session.unwrap();
        for node in [&sealed, &hybrid] {
            let anonymous = read(node, "nonsense", "nonsense").await;
            let state: State = serde_json::from_str(&anonymous.body).unwrap();
            assert_eq!(state, State::default());
            // What is a session at one of them is none at the other.
            let others = if std::ptr::eq(node, &sealed) {
                &token
            } else {
                &cookie
            };
            for (session, beside) in [(&snapshot, &snapshot), (others, &snapshot), (others, &cookie)] {
                assert_eq!(read(node, session, beside).await, anonymous);
            }
        }
        // In place of the snapshot it says nothing: the store is asked.
        for other in [&cookie, &token] {
            stage.recording.take();
            let answer = read(&hybrid, &token, other).await;
            assert_eq!(serde_json::from_str::<State>(&answer.body).unwrap(), alice());
            assert_eq!(stage.recording.take(), [Verb::Load]);
        }
    });
}

#[test]
fn a_damaged_snapshot_is_as_none() {
    on_hybrid_sessions(async |stage| {
        let node = stage.node().await;
        let browser = Browser::signed_in(stage, &node).await;
        let whole = browser.snapshot.clone().unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let mut damaged = Browser {
                snapshot: Some(String::from_utf8(bytes).unwrap()),
                ..browser.clone()
            };
            assert_eq!(damaged.state(&node).await, alice(), "character {at}");
        }
    });
}
