//! A user of tower-sessions is carried over: with what they had, once, and with the old cookie good for nothing more.

mod browser;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use cloakroom::stores::Memory;
use cloakroom::{Error, Session, Sessions};
use moving::from_tower_sessions::{CART, carry_over};
use tower_sessions::{MemoryStore, SessionManagerLayer};

use self::browser::Browser;

/// The application before: it knows tower-sessions alone.
fn before(store: &MemoryStore) -> Router {
    async fn sign_in(session: tower_sessions::Session) {
        session.insert("user", "alice").await.expect("memory");
        session.insert("cart", [7, 9]).await.expect("memory");
    }
    async fn shop(session: tower_sessions::Session) -> String {
        let user: Option<String> = session.get("user").await.expect("memory");
        format!("{user:?}")
    }
    Router::new()
        .route("/sign-in", get(sign_in))
        .route("/", get(shop))
        .layer(SessionManagerLayer::new(store.clone()))
}

/// And while it moves: both layers, as in the guide.
fn moving(store: &MemoryStore, sessions: &Sessions) -> Router {
    async fn shop(session: Session) -> Result<String, Error> {
        let user = session.principal();
        Ok(format!(
            "{:?} {:?}",
            user.as_ref().map(|user| user.as_str()),
            session.get(CART)?
        ))
    }
    Router::new()
        .route("/", get(shop))
        .layer(from_fn(carry_over))
        .layer(sessions.layer())
        .layer(SessionManagerLayer::new(store.clone()))
}

#[tokio::test]
async fn who_was_signed_in_still_is() {
    let (store, sessions) = (MemoryStore::default(), Sessions::new(Memory::default()));
    let (before, moving) = (before(&store), moving(&store, &sessions));
    let mut alice = Browser::default();
    alice.get(&before, "/sign-in").await;
    let old = alice.clone();
    assert_eq!(alice.get(&before, "/").await, r#"Some("alice")"#);

    for _ in 0..2 {
        assert_eq!(alice.get(&moving, "/").await, r#"Some("alice") Some([7, 9])"#);
        assert_eq!(alice.cookies(), ["__Host-session"]);
    }
    // The old cookie is good for nothing more, here and there.
    assert_eq!(old.clone().get(&moving, "/").await, "None None");
    assert_eq!(old.clone().get(&before, "/").await, "None");
    assert_eq!(Browser::default().get(&moving, "/").await, "None None");
}
