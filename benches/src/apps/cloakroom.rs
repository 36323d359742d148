//! With Cloakroom, in each of its strategies and on any store, as they come.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use cloakroom::store::{AnyStore, Expect, Id, Record, Store, Timestamp, Write, Written};
use cloakroom::stores::Memory;
use cloakroom::{Error, Key, KeyRing, Lifetime, Policy, Revocations, ServerKey, Session, Sessions};
use harness::{Given, data};

const USER_ID: Key<String> = Key::new("user_id");
const EMAIL: Key<String> = Key::new("email");
const CSRF: Key<String> = Key::new("csrf");
const THEME: Key<String> = Key::new("theme");
const COUNTER: Key<u64> = Key::new("counter");

/// What a record's body takes for 190 bytes of data.
const BODY: usize = 264;

/// Sessions in the store.
pub(super) async fn stored(given: Given) -> Router {
    let sessions = Sessions::new(open(&given).await);
    fill(&sessions, given.others).await;
    app(&sessions)
}

/// Sessions in the store, and snapshots of them in cookies.
pub(super) async fn hybrid(given: Given) -> Router {
    let sessions = Sessions::new(open(&given).await).snapshots(keys(), Duration::from_secs(10));
    fill(&sessions, given.others).await;
    app(&sessions)
}

/// Sessions in their cookies. What has ended is kept in this process, and read so seldom that it is not counted.
///
/// They may be idle for a week: who sends requests under load keeps no cookie that it is sent, and so every read would
/// seal the session anew once a twentieth of that is over.
pub(super) async fn sealed() -> Router {
    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
    let revocations = Revocations::danger_in_memory(Memory::default());
    let lifetime = Lifetime::new(WEEK, WEEK).unwrap_or_else(|why| panic!("{why}"));
    let sessions = Sessions::sealed(keys(), revocations.refresh_within(Duration::from_secs(3600)));
    app(&sessions.policy(Policy::default().lifetime(lifetime).anonymous(lifetime)))
}

async fn open(given: &Given) -> AnyStore {
    crate::opening::open(&given.store)
        .await
        .unwrap_or_else(|why| panic!("{why}"))
}

fn keys() -> KeyRing {
    let key = ServerKey::generate().unwrap_or_else(|why| panic!("{why}"));
    KeyRing::new(key)
}

fn app(sessions: &Sessions) -> Router {
    Router::new()
        .route("/begin", post(begin))
        .route("/unused", get(async || "nothing"))
        .route("/read", get(read))
        .route("/write", post(write))
        .route("/sign-in", post(sign_in))
        .route("/size/{bytes}", post(size))
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

async fn size(session: Session, Path(bytes): Path<usize>) -> Result<&'static str, Error> {
    session.set(THEME, &"x".repeat(bytes))?;
    Ok("sized")
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
