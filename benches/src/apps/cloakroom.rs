//! With Cloakroom on any store, as they come.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use cloakroom::store::{Expect, Id, Record, Store, Timestamp, Write, Written};
use cloakroom::{Error, Key, Session, Sessions};
use harness::{Given, data};

const USER_ID: Key<String> = Key::new("user_id");
const EMAIL: Key<String> = Key::new("email");
const CSRF: Key<String> = Key::new("csrf");
const THEME: Key<String> = Key::new("theme");
const COUNTER: Key<u64> = Key::new("counter");

/// What a record's body takes for 190 bytes of data.
const BODY: usize = 264;

pub(super) async fn app(given: Given) -> Router {
    let store = crate::opening::open(&given.store)
        .await
        .unwrap_or_else(|why| panic!("{why}"));
    let sessions = Sessions::new(store);
    fill(&sessions, given.others).await;
    Router::new()
        .route("/begin", post(begin))
        .route("/unused", get(async || "nothing"))
        .route("/read", get(read))
        .route("/write", post(write))
        .route("/sign-in", post(sign_in))
        .layer(sessions.layer())
}

async fn begin(session: Session) -> Result<&'static str, Error> {
    session.set(USER_ID, &data::USER.to_owned())?;
    session.set(EMAIL, &data::EMAIL.to_owned())?;
    session.set(CSRF, &data::CSRF.to_owned())?;
    session.set(THEME, &data::THEME.to_owned())?;
    session.set(COUNTER, &data::next_count())?;
    Ok("begun")
}

async fn read(session: Session) -> Result<String, Error> {
    Ok(session.get(USER_ID)?.unwrap_or_default())
}

async fn write(session: Session) -> Result<&'static str, Error> {
    session.set(COUNTER, &data::next_count())?;
    Ok("written")
}

async fn sign_in(session: Session) -> Result<&'static str, Error> {
    session.sign_in(data::next_user())?;
    Ok("signed in")
}

/// Puts the sessions of others into the store: of the right size, and never asked for.
async fn fill(sessions: &Sessions, others: usize) {
    let body: [u8; BODY] = [0x5a; BODY];
    for number in 0..others {
        // Spread as random ids are: the store takes them for what they look like.
        let spread = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let id = Id::from_bytes(spread.to_be_bytes());
        let record = Record::new(Timestamp::default(), Timestamp::MAX, Arc::<[u8]>::from(body));
        let write = Write::new(sessions.namespace().clone(), id, Expect::Absent, record);
        let written = sessions.store().write(write).await;
        assert!(matches!(written, Ok(Written::Applied { .. })), "{written:?}");
    }
}
