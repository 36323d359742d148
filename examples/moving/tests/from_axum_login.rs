//! A user of axum-login is carried over, with their credentials: a new password ends the session that was carried over, too.

mod browser;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use axum_login::{AuthManagerLayerBuilder, AuthSession};
use cloakroom::store::Principal;
use cloakroom::stores::Memory;
use cloakroom::{Sessions, Users};
use moving::from_axum_login::{Backend, User, carry_over};
use tower_sessions::{MemoryStore, SessionManagerLayer};

use self::browser::Browser;

/// The application's users, as Cloakroom finds them.
#[derive(Clone)]
struct Accounts(Arc<Mutex<Vec<User>>>);

impl Users for Accounts {
    type User = User;
    type Error = Infallible;

    async fn find(&self, principal: &Principal) -> Result<Option<User>, Infallible> {
        let users = self.0.lock().expect("no test panics with it");
        Ok(users
            .iter()
            .find(|user| user.id.to_string() == principal.as_str())
            .cloned())
    }

    fn credentials<'a>(&self, user: &'a User) -> Option<&'a [u8]> {
        Some(user.password_hash.as_bytes())
    }
}

fn before(store: &MemoryStore, users: &[User]) -> Router {
    async fn sign_in(mut auth: AuthSession<Backend>) {
        let user = auth.authenticate(1).await.expect("no error").expect("user 1");
        auth.login(&user).await.expect("memory");
    }
    async fn me(auth: AuthSession<Backend>) -> String {
        format!("{:?}", auth.user.map(|user| user.id))
    }
    let layer = SessionManagerLayer::new(store.clone());
    Router::new()
        .route("/sign-in", get(sign_in))
        .route("/me", get(me))
        .layer(AuthManagerLayerBuilder::new(Backend(users.to_vec()), layer).build())
}

fn moving(store: &MemoryStore, sessions: &Sessions, users: &[User]) -> Router {
    async fn me(user: Option<cloakroom::User<User>>) -> String {
        format!("{:?}", user.map(|cloakroom::User(user)| user.id))
    }
    let layer = SessionManagerLayer::new(store.clone());
    Router::new()
        .route("/me", get(me))
        .layer(from_fn(carry_over))
        .layer(sessions.layer())
        .layer(AuthManagerLayerBuilder::new(Backend(users.to_vec()), layer).build())
}

#[tokio::test]
async fn who_was_signed_in_still_is_until_their_password_changes() {
    let users = vec![User {
        id: 1,
        password_hash: "a hash".to_owned(),
    }];
    let accounts = Accounts(Arc::new(Mutex::new(users.clone())));
    let store = MemoryStore::default();
    let sessions = Sessions::new(Memory::default()).users(accounts.clone());
    let (before, moving) = (before(&store, &users), moving(&store, &sessions, &users));
    let mut browser = Browser::default();
    browser.get(&before, "/sign-in").await;
    let old = browser.clone();
    assert_eq!(browser.get(&before, "/me").await, "Some(1)");

    for _ in 0..2 {
        assert_eq!(browser.get(&moving, "/me").await, "Some(1)");
        assert_eq!(browser.cookies(), ["__Host-session"]);
    }
    assert_eq!(old.clone().get(&moving, "/me").await, "None");
    assert_eq!(old.clone().get(&before, "/me").await, "None");

    accounts.0.lock().expect("no test panics with it")[0].password_hash = "another".to_owned();
    assert_eq!(browser.get(&moving, "/me").await, "None");
}
