//! With tower-sessions and its memory store, as they come.

mod routes;

use std::collections::HashMap;

use axum::Router;
use harness::{Given, data};
use serde_json::Value;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::{MemoryStore, SessionManagerLayer, SessionStore};

pub(super) async fn app(given: Given) -> Router {
    let store = MemoryStore::default();
    fill(&store, given.others).await;
    routes::app().layer(SessionManagerLayer::new(store))
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
