//! An application that compares credentials and signs somebody in without any is told so, where it reads: in the log.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::{Debug, Write as _};

use axum::Router;
use axum::routing::{get, post};
use cloakroom::store::Principal;
use cloakroom::{Error, Session, Sessions, SignIn, User, Users};
use tracing::field::{Field, Visit};
use tracing::span::{self, Attributes, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::browser::Browser;
use crate::strategies::on_every_strategy;

/// Knows everybody. Whose name ends in a `+` has no credentials, but a key that somebody else checks.
struct Everybody;

struct Somebody {
    hash: Option<&'static str>,
}

impl Users for Everybody {
    type User = Somebody;
    type Error = Infallible;

    async fn find(&self, principal: &Principal) -> Result<Option<Somebody>, Infallible> {
        let hash = (!principal.as_str().ends_with('+')).then_some("new");
        Ok(Some(Somebody { hash }))
    }

    fn credentials<'a>(&self, somebody: &'a Somebody) -> Option<&'a [u8]> {
        somebody.hash.map(str::as_bytes)
    }
}

fn app(sessions: &Sessions) -> Router {
    let sign_in = |sign_in: fn() -> SignIn| post(async move |session: Session| session.sign_in(sign_in()));
    Router::new()
        .route("/right", sign_in(|| SignIn::new("alice").credentials("new")))
        .route("/old", sign_in(|| SignIn::new("alice").credentials("old")))
        .route("/without", sign_in(|| SignIn::new("alice").method("password")))
        .route("/key", sign_in(|| SignIn::new("carol+")))
        .route("/user", get(user))
        .route(
            "/session",
            get(async |session: Session| session.id().unwrap().to_string()),
        )
        .layer(sessions.clone().users(Everybody).layer())
}

async fn user(session: Session) -> Result<&'static str, Error> {
    let user: Option<User<Somebody>> = session.user().await?;
    Ok(user.map_or("nobody", |_| "somebody"))
}

#[tokio::test]
async fn a_sign_in_without_credentials_is_warned_of_when_it_ends_and_names_the_call() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    on_every_strategy(async |sessions, _| {
        let app = app(&sessions);
        for (way, is, warnings) in [
            ("/right", "somebody", 0),
            ("/key", "somebody", 0),
            ("/old", "nobody", 0),
            ("/without", "nobody", 1),
        ] {
            let mut browser = Browser::new(&app);
            browser.post(way).await;
            let session = browser.get("/session").await.body;
            heard_here();
            assert_eq!(browser.get("/user").await.body, is, "{way}");
            // Once: the session is over, and there is nothing more to say of it.
            assert_eq!(browser.get("/user").await.body, is, "{way}");
            let warned = heard_here();
            assert_eq!(warned.len(), warnings, "{way}: {warned:?}");
            for warning in warned {
                for part in ["SignIn::credentials", "Users::credentials", &session] {
                    assert!(warning.contains(part), "{part}: {warning}");
                }
            }
        }
    })
    .await;
}

thread_local! {
    /// What was said on this thread since somebody last asked.
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn heard_here() -> Vec<String> {
    HEARD.take()
}

/// Hears warnings and errors of ours.
struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cloakroom" && *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        HEARD.with_borrow_mut(|heard| heard.push(words.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}
