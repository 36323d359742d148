//! An application that compares credentials and signs somebody in without any is told so, where it reads: in the log.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use cloakroom::store::Principal;
use cloakroom::{Error, Happened, Heard, Session, Sessions, SignIn, User, Users, Why};

use crate::browser::Browser;
use crate::log::{self, Listener};
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
        // As of when there was a password; or as of an application that forgot to say that there is one.
        .route("/gone", sign_in(|| SignIn::new("carol+").credentials("old")))
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
async fn a_sign_in_whose_credentials_only_one_side_knows_is_warned_of_when_it_ends_and_names_the_call() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    on_every_strategy(async |sessions, _| {
        let app = app(&sessions);
        for (way, why, warning) in [
            ("/right", None, None),
            ("/key", None, None),
            ("/old", Some(Why::CredentialsChanged), None),
            (
                "/without",
                Some(Why::WithoutCredentials),
                Some("SignIn::credentials"),
            ),
            ("/gone", Some(Why::CredentialsGone), Some("Users::credentials")),
        ] {
            let is = if why.is_none() { "somebody" } else { "nobody" };
            let mut browser = Browser::new(&app);
            browser.post(way).await;
            let session = browser.get("/session").await.body;
            heard_here();
            let mut events = sessions.subscribe();
            assert_eq!(browser.get("/user").await.body, is, "{way}");
            assert_eq!(browser.has_session(), is == "somebody", "{way}");
            let event = tokio::time::timeout(Duration::from_millis(1), events.next()).await;
            let ended = match event {
                Ok(Some(Heard::Event(event))) => Some(event.what),
                _ => None,
            };
            assert_eq!(ended, why.map(Happened::Ended), "{way}");
            // Once: the session is over, and there is nothing more to say of it.
            assert_eq!(browser.get("/user").await.body, is, "{way}");
            let warned = heard_here();
            assert_eq!(warned.len(), warning.iter().count(), "{way}: {warned:?}");
            if let (Some(part), Some(warned)) = (warning, warned.first()) {
                for part in [part, &session] {
                    assert!(warned.contains(part), "{part}: {warned}");
                }
            }
        }
    })
    .await;
}

/// The warnings and errors that were logged on this thread since somebody last asked.
fn heard_here() -> Vec<String> {
    let lines = log::heard().into_iter();
    let warnings = lines.filter(|line| ["warn", "error"].contains(&&*line.level));
    warnings.map(|line| line.whole).collect()
}
