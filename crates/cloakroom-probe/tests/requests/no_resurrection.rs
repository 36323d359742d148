//! Invariant 2: no resurrection.

use std::time::Duration;

use cloakroom::store::{Revoke, Scope, Store as _};
use cloakroom_probe::doubles::{Moment, Verb};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::browser::{Answer, Browser, State};
use crate::encodings;
use crate::stage::{Node, Stage, on_every_store, on_every_strategy};

/// How a session ends, or gets another token, under a request that is still running.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    SignOut,
    Rotation,
    SignInAgain,
    SignInAsSomebodyElse,
    IdleTimeout,
    AbsoluteTimeout,
    SignOutEverywhere,
    SignOutOthers,
    EndFromAnotherDevice,
    RevokeEveryone,
    EndEveryone,
}

const ENDINGS: [Ending; 11] = [
    Ending::SignOut,
    Ending::Rotation,
    Ending::SignInAgain,
    Ending::SignInAsSomebodyElse,
    Ending::IdleTimeout,
    Ending::AbsoluteTimeout,
    Ending::SignOutEverywhere,
    Ending::SignOutOthers,
    Ending::EndFromAnotherDevice,
    Ending::RevokeEveryone,
    Ending::EndEveryone,
];

impl Ending {
    /// Whether the store can do it.
    fn is_known(self, stage: &Stage) -> bool {
        let revokes = matches!(
            self,
            Self::SignOutEverywhere | Self::SignOutOthers | Self::RevokeEveryone | Self::EndEveryone
        );
        if stage.is_sealed() {
            // There is no store to end one of them in, or to end them in behind the library's back.
            return !matches!(self, Self::EndFromAnotherDevice | Self::RevokeEveryone);
        }
        stage.card().revokes_by_principal || !revokes
    }
}

/// What a late request does, and the request to the store it ends with.
const LATE: [(&str, Verb); 7] = [
    ("POST /set?key=late&value=1", Verb::Write),
    ("POST /set?key=cart&value=late", Verb::Write),
    ("POST /add?key=late", Verb::Write),
    ("POST /remove?key=cart", Verb::Write),
    ("POST /clear", Verb::Write),
    ("POST /rotate", Verb::Write),
    ("GET /read", Verb::Touch),
];

/// Long enough for a touch to be due, and far from any timeout.
const TOUCH_IS_DUE: Duration = Duration::from_secs(120);

#[test]
fn what_was_loaded_before_the_end_brings_nothing_back() {
    on_every_strategy(async |stage| {
        for ending in ENDINGS.into_iter().filter(|ending| ending.is_known(stage)) {
            for (late, _) in LATE.iter().filter(|(late, _)| *late != "POST /clear") {
                let case = Case::begin(stage, ending, late).await;
                let separator = if late.contains('?') { '&' } else { '?' };
                let request = format!("{late}{separator}delay_ms=1");
                let running = case.device.begin(&request);
                stage.barriers.reached(1, 1).await;
                case.end_under(stage, running, || stage.barriers.open(1)).await;
                stage.barriers.close(1);
            }
        }
    });
}

#[test]
fn what_the_store_had_answered_before_the_end_brings_nothing_back() {
    on_every_store(async |stage| {
        for ending in ENDINGS.into_iter().filter(|ending| ending.is_known(stage)) {
            // These are judged when the answer arrives: the request is then one of a new visitor.
            if matches!(
                ending,
                Ending::IdleTimeout | Ending::AbsoluteTimeout | Ending::EndEveryone
            ) {
                continue;
            }
            for (late, _) in LATE {
                let case = Case::begin(stage, ending, late).await;
                stage.gate.hold(Verb::Load, Moment::After, 1);
                let running = case.device.begin(late);
                stage.gate.held(1).await;
                case.end_under(stage, running, || stage.gate.release()).await;
            }
        }
    });
}

#[test]
fn a_write_that_was_under_way_at_the_end_brings_nothing_back() {
    on_every_store(async |stage| {
        for ending in ENDINGS.into_iter().filter(|ending| ending.is_known(stage)) {
            // What was sent to the store before a timeout is not late.
            if matches!(ending, Ending::IdleTimeout | Ending::AbsoluteTimeout) {
                continue;
            }
            for (late, verb) in LATE {
                let case = Case::begin(stage, ending, late).await;
                stage.gate.hold(verb, Moment::Before, 1);
                let running = case.device.begin(late);
                stage.gate.held(1).await;
                case.end_under(stage, running, || stage.gate.release()).await;
            }
        }
    });
}

#[test]
fn a_sign_in_that_was_under_way_begins_another_session() {
    on_every_strategy(async |stage| {
        let endings = [Ending::SignOut, Ending::RevokeEveryone, Ending::Rotation];
        for ending in endings.into_iter().filter(|ending| ending.is_known(stage)) {
            let case = Case::begin(stage, ending, "sign in").await;
            let running = case.device.begin("POST /sign-in?principal=alice&delay_ms=1");
            stage.barriers.reached(1, 1).await;
            case.end(stage).await;
            stage.barriers.open(1);
            let answer = running.await.unwrap();
            stage.barriers.close(1);
            let begun = answer.token();
            let expected = State::of(Some("alice"), json!({}));
            assert_eq!(
                case.node.state(&begun).await,
                expected,
                "{ending:?}: none of the old data"
            );
            case.node.assert_dead(&case.old, "the session that ended").await;
            assert_ne!(encodings::id_of(&begun), encodings::id_of(&case.old));
        }
    });
}

#[test]
fn a_set_after_ones_own_sign_out_begins_an_anonymous_session() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let old = browser.token();
        browser.ok("POST /sign-out-then-set").await;
        node.assert_dead(&old, "the session that was signed out").await;
        assert_eq!(
            browser.state().await,
            State::of(None, json!({"key": "begun anew"}))
        );
    });
}

#[test]
fn signing_out_twice_at_once_is_signing_out() {
    on_every_strategy(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        let old = browser.token();
        let both = [
            browser.begin("POST /sign-out?delay_ms=1"),
            browser.begin("POST /sign-out?delay_ms=1"),
        ];
        stage.barriers.reached(1, 2).await;
        stage.barriers.open(1);
        for one in both {
            assert_eq!(one.await.unwrap().status, 204);
        }
        assert!(browser.has_no_cookie());
        node.assert_dead(&old, "signed out").await;
    });
}

/// A session that is to end while a request runs.
struct Case {
    ending: Ending,
    late: String,
    node: Node,
    sessions: cloakroom::Sessions,
    /// The browser of the late request.
    device: Browser,
    /// Its token before the end.
    old: String,
    /// Another device of the same principal.
    other: Browser,
}

impl Case {
    async fn begin(stage: &Stage, ending: Ending, late: &str) -> Self {
        let sessions = stage.sessions();
        let node = stage.serve(&sessions).await;
        // It has begun at another node: this one has not kept what it was.
        let device = stage.node().await.signed_in("alice").await;
        device.ok("POST /set?key=cart&value=full").await;
        let device = device.at(node.address);
        let other = node.signed_in("alice").await;
        stage.clock.advance(TOUCH_IS_DUE);
        let old = device.token();
        Self {
            ending,
            late: late.to_owned(),
            node,
            sessions,
            device,
            old,
            other,
        }
    }

    /// Ends the session in another tab or on another device, and answers the tab that has its new token, if it
    /// has got one.
    async fn end(&self, stage: &Stage) -> Option<Browser> {
        let tab = self.device.with_token(&self.old);
        let successor = match self.ending {
            Ending::Rotation => Some("POST /rotate"),
            Ending::SignInAgain => Some("POST /sign-in?principal=alice"),
            Ending::SignInAsSomebodyElse => Some("POST /sign-in?principal=bob"),
            _ => None,
        };
        if let Some(request) = successor {
            tab.ok(request).await;
            self.check_successor(&tab, "before the late request goes on")
                .await;
            return Some(tab);
        }
        match self.ending {
            Ending::SignOut => drop(tab.ok("POST /sign-out").await),
            Ending::IdleTimeout => stage.clock.advance(Duration::from_secs(1800)),
            Ending::AbsoluteTimeout => stage.clock.advance(Duration::from_secs(86_400)),
            Ending::SignOutEverywhere => drop(self.other.ok("POST /sign-out-everywhere").await),
            Ending::SignOutOthers => drop(self.other.ok("POST /sign-out-others").await),
            Ending::EndFromAnotherDevice => {
                let id = encodings::id_of(&self.old);
                self.other.ok(&format!("POST /end?id={id}")).await;
            }
            Ending::RevokeEveryone => {
                let begun_before = stage.clock.now().saturating_add(Duration::from_millis(1));
                let scope = Scope::Everyone { begun_before };
                let revoke = Revoke::new(self.sessions.namespace().clone(), scope);
                stage.store.revoke(revoke).await.unwrap();
            }
            Ending::EndEveryone => {
                self.sessions.end_everyone().await.unwrap();
            }
            Ending::Rotation | Ending::SignInAgain | Ending::SignInAsSomebodyElse => unreachable!(),
        }
        None
    }

    /// Ends the session under a running request, lets that go on, and sees that it brought nothing back.
    async fn end_under(self, stage: &Stage, running: JoinHandle<Answer>, go_on: impl Fn()) {
        let context = format!("{} after {:?}", self.late, self.ending);
        let before = self.end(stage).await;
        go_on();
        let answer = running.await.unwrap();
        assert!(answer.status < 300, "{context}: {answer:?}");
        answer.assert_cookie_left_alone(&context);
        self.node.assert_dead(&self.old, &context).await;
        if let Some(tab) = before {
            self.check_successor(&tab, &context).await;
        }
        assert_eq!(
            self.device.token(),
            self.old,
            "{context}: the browser got nothing new"
        );
        if self.ending != Ending::SignOutEverywhere
            && stage.can("GET /sessions")
            && self.live_devices_are_known()
        {
            let devices = self.other.devices().await;
            let expected = usize::from(self.ending == Ending::Rotation || self.ending == Ending::SignInAgain);
            assert_eq!(devices.len(), 1 + expected, "{context}: {devices:?}");
        }
        stage.end_all(&self.sessions).await;
        stage.assert_count(0).await;
    }

    /// The session under its new token is what it was without the late request.
    async fn check_successor(&self, tab: &Browser, context: &str) {
        let expected = match self.ending {
            Ending::SignInAsSomebodyElse => State::of(Some("bob"), json!({})),
            _ => State::of(Some("alice"), json!({"cart": "full"})),
        };
        assert_eq!(tab.state().await, expected, "{context}");
    }

    fn live_devices_are_known(&self) -> bool {
        !matches!(
            self.ending,
            Ending::IdleTimeout | Ending::AbsoluteTimeout | Ending::RevokeEveryone | Ending::EndEveryone
        )
    }
}
