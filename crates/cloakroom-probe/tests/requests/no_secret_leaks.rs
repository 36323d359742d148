//! Invariant 11: no secret leaks.

use std::fmt;

use cloakroom::store::Id;
use cloakroom::{Cookie, Key, KeyRing, Session, SignIn};
use cloakroom_probe::doubles::{Fault, Verb};
use tracing::field::{Field, Visit};
use tracing::span::{self, Attributes, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::browser::{Browser, NAME};
use crate::encodings::{first_of, forms_of, holds, with_wrong_secret};
use crate::said::Said;
use crate::stage::{
    on_every_store_itself, on_every_strategy, on_every_strategy_in_this_thread, server_key, server_key_bytes,
};

const CANARY: &str = "canary-51d2";

#[test]
fn nothing_that_is_said_tells_a_token_or_a_value() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    let said = Said::by_this_thread();
    on_every_strategy_in_this_thread(async |stage| {
        let node = stage.node().await;
        let mut tokens = Vec::new();
        let mut keep = |browser: &Browser| tokens.push(browser.token());
        let browser = node.browser();
        browser.ok(&format!("POST /set?key=cart&value={CANARY}")).await;
        keep(&browser);
        browser.ok("POST /sign-in?principal=alice").await;
        keep(&browser);
        browser.ok("POST /rotate").await;
        keep(&browser);
        let stolen = with_wrong_secret(&browser.token());
        for request in [
            "GET /read",
            "GET /sessions",
            "POST /add?key=n",
            "POST /sign-out-others",
        ] {
            let answer = browser.send(request).await;
            assert_eq!(answer.status < 300, stage.can(request), "{request}");
            tokens_are_not_in(request, answer.body.as_bytes(), &[browser.token()]);
            browser.with_token(&stolen).send(request).await;
            browser.with_token(format!("{stolen}x")).send(request).await;
            let twice = format!("{NAME}={stolen}; {NAME}={}", browser.token());
            node.exchange(request, &[&twice]).await;
        }
        browser.send(&format!("POST /panic?key=k&value={CANARY}")).await;
        browser.send(&format!("POST /fail?key=k&value={CANARY}")).await;
        // A value that is not a number: the error says which key.
        let answer = browser.send("POST /add?key=cart").await;
        assert_eq!(answer.status, 500);
        assert!(
            !answer.body.contains(CANARY) && !answer.body.contains("cart"),
            "{answer:?}"
        );
        for fault in [Fault::LostRequest, Fault::LostReply] {
            for (request, verb) in [
                ("GET /read", Verb::Load),
                ("POST /rotate", Verb::Write),
                ("POST /sign-out", Verb::Delete),
            ] {
                stage.flaky.fail(verb, fault, 1);
                browser.send(request).await;
                if !browser.has_no_cookie() {
                    keep(&browser);
                }
            }
        }
        tokens.push(stolen);
        let said = said.take();
        assert!(holds(&said, b"signed in"), "it was listened to");
        tokens_are_not_in("the log", &said, &tokens);
    });
}

#[test]
fn no_debug_output_tells_a_token_a_key_or_a_value() {
    on_every_strategy(async |stage| {
        let sessions = stage.sessions();
        let node = stage.serve(&sessions).await;
        let browser = node.signed_in("alice").await;
        browser.ok(&format!("POST /set?key=cart&value={CANARY}")).await;
        let cookie = format!("{NAME}={}", browser.token());
        let lines = [cookie.as_bytes()];
        let session: Session = sessions.open(lines.into_iter()).await.unwrap();
        session.set(Key::new("k"), &CANARY).unwrap();
        session.sign_in("alice").unwrap();
        let key = server_key(1);
        let raw = server_key_bytes(1);
        let wrong_type = session.get::<u64>(Key::new("k")).unwrap_err();
        let record = match stage.is_sealed() {
            true => None,
            false => stage.record(&crate::encodings::id_of(&browser.token())).await,
        };
        let said = format!(
            "{session:?} {sessions:?} {:?} {:?} {:?} {key:?} {:?} {:?} {:?} {wrong_type} {record:?} {:?}",
            // Where there is no list, the error says so, and nothing else.
            session.sessions().await,
            sessions.layer(),
            sessions.middleware(),
            KeyRing::new(key.clone()),
            SignIn::new("alice"),
            Cookie::default(),
            Id::from_bytes([7; 16]),
        );
        tokens_are_not_in("Debug", said.as_bytes(), &[browser.token()]);
        assert!(!said.contains(&format!("{raw:?}")), "the server key");
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!said.contains(&hex[..16]), "the server key");
        session.save().await.unwrap();
    });
}

#[test]
fn an_error_tells_the_client_its_kind_and_nothing_else() {
    on_every_store_itself(async |stage| {
        let node = stage.node().await;
        let browser = node.signed_in("alice").await;
        stage.flaky.fail(Verb::Load, Fault::LostRequest, 1);
        let answer = browser.send("GET /read").await;
        assert_eq!(
            answer.body,
            "sessions are not available at the moment: try again in a few seconds"
        );
        assert_eq!(node.app.call("GET /read", b"").await.status, 200);
    });
}

fn tokens_are_not_in(what: &str, said: &[u8], tokens: &[String]) {
    let found = first_of(said, tokens.iter().flat_map(|token| forms_of(token)));
    assert_eq!(found.as_deref().map(String::from_utf8_lossy), None, "{what}");
    assert!(
        what == "GET /read" || !holds(said, CANARY.as_bytes()),
        "{what} tells a value"
    );
}

/// Hears everything, from each level and each crate, on a thread that listens.
struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        Said::heard_here().is_some()
    }

    fn new_span(&self, span: &Attributes<'_>) -> span::Id {
        span.record(&mut Writer);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &Record<'_>) {
        values.record(&mut Writer);
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Writer);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Writer;

impl Visit for Writer {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(said) = Said::heard_here() {
            said.say(&format!("{field}={value:?}\n"));
        }
    }
}
