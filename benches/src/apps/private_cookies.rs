//! With the private cookie jar of axum-extra: the session as JSON in one encrypted cookie.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{FromRef, Path};
use axum::routing::{get, post};
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key, SameSite};
use harness::data;
use serde_json::Value;

const NAME: &str = "__Host-session";

#[derive(Clone)]
struct Keys(Key);

impl FromRef<Keys> for Key {
    fn from_ref(keys: &Keys) -> Self {
        keys.0.clone()
    }
}

type Values = BTreeMap<String, Value>;

pub(super) fn app() -> Router {
    Router::new()
        .route("/begin", post(begin))
        .route("/unused", get(async || "nothing"))
        .route("/read", get(read))
        .route("/write", post(write))
        .route("/sign-in", post(sign_in))
        .route("/size/{bytes}", post(size))
        .with_state(Keys(Key::generate()))
}

async fn begin(jar: PrivateCookieJar) -> (PrivateCookieJar, &'static str) {
    let values = [
        ("user_id", Value::from(data::USER)),
        ("email", Value::from(data::EMAIL)),
        ("csrf", Value::from(data::CSRF)),
        ("theme", Value::from(data::THEME)),
        ("counter", Value::from(data::next_count())),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value));
    (with(jar, &Values::from(values)), "begun")
}

async fn read(jar: PrivateCookieJar) -> String {
    let values = values(&jar);
    let user = values.get("user_id").and_then(Value::as_str);
    user.unwrap_or_default().to_owned()
}

async fn write(jar: PrivateCookieJar) -> (PrivateCookieJar, &'static str) {
    (set(jar, "counter", data::next_count().into()), "written")
}

async fn sign_in(jar: PrivateCookieJar) -> (PrivateCookieJar, &'static str) {
    (set(jar, "user_id", data::next_user().into()), "signed in")
}

async fn size(jar: PrivateCookieJar, Path(bytes): Path<usize>) -> (PrivateCookieJar, &'static str) {
    (set(jar, "theme", "x".repeat(bytes).into()), "sized")
}

fn set(jar: PrivateCookieJar, key: &str, value: Value) -> PrivateCookieJar {
    let mut values = values(&jar);
    values.insert(key.to_owned(), value);
    with(jar, &values)
}

fn values(jar: &PrivateCookieJar) -> Values {
    let cookie = jar.get(NAME);
    let values = cookie.and_then(|cookie| serde_json::from_str(cookie.value()).ok());
    values.unwrap_or_default()
}

fn with(jar: PrivateCookieJar, values: &Values) -> PrivateCookieJar {
    let json = serde_json::to_string(values).expect("values are JSON");
    let cookie = Cookie::build((NAME, json))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax);
    jar.add(cookie)
}
