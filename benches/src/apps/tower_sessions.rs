//! With tower-sessions and its memory store, as they come.

use std::collections::HashMap;

use axum::Router;
use axum::routing::{get, post};
use serde_json::Value;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Error, Id, Record};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, SessionStore};

use crate::data;

pub(super) async fn app(others: usize) -> Router {
    let store = MemoryStore::default();
    fill(&store, others).await;
    Router::new()
        .route("/begin", post(begin))
        .route("/unused", get(async || "nothing"))
        .route("/read", get(read))
        .route("/write", post(write))
        .route("/sign-in", post(sign_in))
        .layer(SessionManagerLayer::new(store))
}

async fn begin(session: Session) -> &'static str {
    session.insert("user_id", data::USER).await.expect("a value");
    session.insert("email", data::EMAIL).await.expect("a value");
    session.insert("csrf", data::CSRF).await.expect("a value");
    session.insert("theme", data::THEME).await.expect("a value");
    session
        .insert("counter", data::next_count())
        .await
        .expect("a value");
    "begun"
}

async fn read(session: Session) -> String {
    let user: Result<Option<String>, Error> = session.get("user_id").await;
    user.expect("a text").unwrap_or_default()
}

async fn write(session: Session) -> &'static str {
    session
        .insert("counter", data::next_count())
        .await
        .expect("a value");
    "written"
}

async fn sign_in(session: Session) -> &'static str {
    session.cycle_id().await.expect("a session");
    session.insert("user_id", data::USER).await.expect("a value");
    "signed in"
}

/// Puts the sessions of others into the store.
async fn fill(store: &MemoryStore, others: usize) {
    let texts = [
        ("user_id", data::USER),
        ("email", data::EMAIL),
        ("csrf", data::CSRF),
        ("theme", data::THEME),
    ];
    let mut values: HashMap<String, Value> = texts
        .into_iter()
        .map(|(key, text)| (key.to_owned(), Value::from(text)))
        .collect();
    values.insert("counter".to_owned(), Value::from(data::next_count()));
    let expiry_date = OffsetDateTime::now_utc() + Duration::days(1);
    for number in 0..others {
        let mut record = Record {
            id: Id(number as i128),
            data: values.clone(),
            expiry_date,
        };
        store.create(&mut record).await.expect("it never fails");
    }
}
