//! Sessions in which nobody is signed in: a lifetime of their own, until somebody signs in.

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use cloakroom::{Key, Lifetime, Policy, Session, Sessions, SignIn};

use crate::browser::Browser;
use crate::strategies::on_every_strategy;

const CART: Key<u32> = Key::new("cart");

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Ten minutes and an hour, where those of users have one hour and a day, and those who are remembered a week.
fn policy() -> Policy {
    let lifetime = |idle, absolute| Lifetime::new(minutes(idle), minutes(absolute)).unwrap();
    Policy::default()
        .lifetime(lifetime(60, 24 * 60))
        .remembered(Some(lifetime(7 * 24 * 60, 7 * 24 * 60)))
        .anonymous(lifetime(10, 60))
}

fn app(sessions: &Sessions) -> Router {
    let sign_in = |remember| {
        post(async move |session: Session| session.sign_in(SignIn::new("alice").remember(remember)))
    };
    Router::new()
        .route("/cart", post(async |session: Session| session.set(CART, &7)))
        .route("/sign-in", sign_in(false))
        .route("/remember", sign_in(true))
        .route(
            "/sign-out",
            post(async |session: Session| session.sign_out().await),
        )
        .route(
            "/",
            get(async |session: Session| format!("{:?}", session.get(CART).unwrap())),
        )
        .layer(sessions.layer())
}

#[tokio::test]
async fn they_end_sooner_when_nobody_comes_back() {
    on_every_strategy(async |sessions, clock| {
        let mut browser = Browser::new(&app(&sessions.policy(policy())));
        browser.post("/cart").await;
        clock.advance(minutes(9));
        assert_eq!(browser.get("/").await.body, "Some(7)");
        clock.advance(minutes(10));
        assert_eq!(browser.get("/").await.body, "None");
    })
    .await;
}

#[tokio::test]
async fn they_end_sooner_whatever_happens() {
    on_every_strategy(async |sessions, clock| {
        let mut browser = Browser::new(&app(&sessions.policy(policy())));
        let began = clock.now();
        browser.post("/cart").await;
        while clock.now().since(began) < minutes(55) {
            clock.advance(minutes(5));
            assert_eq!(browser.get("/").await.body, "Some(7)");
        }
        clock.advance(minutes(5));
        assert_eq!(browser.get("/").await.body, "None");
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_gives_the_lifetime_of_a_user() {
    on_every_strategy(async |sessions, clock| {
        let app = app(&sessions.policy(policy()));
        for (path, lives) in [("/sign-in", minutes(59)), ("/remember", minutes(6 * 24 * 60))] {
            let mut browser = Browser::new(&app);
            browser.post("/cart").await;
            clock.advance(minutes(9));
            browser.post(path).await;
            clock.advance(lives);
            assert_eq!(browser.get("/").await.body, "Some(7)", "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_begins_after_a_sign_out_is_anonymous_again() {
    on_every_strategy(async |sessions, clock| {
        let mut browser = Browser::new(&app(&sessions.policy(policy())));
        browser.post("/remember").await;
        browser.post("/sign-out").await;
        browser.post("/cart").await;
        clock.advance(minutes(10));
        assert_eq!(browser.get("/").await.body, "None");
    })
    .await;
}
