//! The routes: each has the session and does one thing.

use cloakroom::store::{Id, Timestamp};
use cloakroom::{Error, Key, Session, SessionInfo, SignIn};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// A framework that is to serve the routes.
///
/// Every route that asks for its session takes `delay_ms`, and waits between having the session and using it.
pub(super) trait Surface: Sized {
    /// Serves a path that does this with the session and the query.
    fn on<Q, F>(self, verb: Verb, path: &str, act: impl Act<Q, F>) -> Self
    where
        Q: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<Answer, Refusal>> + Send + 'static;

    /// Serves a path that does not ask for the session.
    fn nothing(self, path: &str) -> Self;
}

/// What a route does.
pub(super) trait Act<Q, F>: Fn(Session, Q) -> F + Clone + Send + Sync + 'static {}

impl<Q, F, A: Fn(Session, Q) -> F + Clone + Send + Sync + 'static> Act<Q, F> for A {}

/// The method of a route.
#[derive(Clone, Copy)]
pub(super) enum Verb {
    Get,
    Post,
}

/// What a route answers.
pub(super) enum Answer {
    Json(String),
    NoContent,
    ServerError,
}

/// Serves all routes that have sessions.
pub(super) fn serve<S: Surface>(surface: S) -> S {
    surface
        .nothing("/anon")
        .on(Verb::Get, "/read", read)
        .on(Verb::Post, "/set", set)
        .on(Verb::Post, "/add", add)
        .on(Verb::Post, "/remove", remove)
        .on(Verb::Post, "/rotate", rotate)
        .on(Verb::Post, "/sign-in", sign_in)
        .on(Verb::Post, "/sign-out", sign_out)
        .on(Verb::Post, "/sign-out-others", sign_out_others)
        .on(Verb::Post, "/sign-out-everywhere", sign_out_everywhere)
        .on(Verb::Post, "/end", end)
        .on(Verb::Get, "/sessions", list)
        .on(Verb::Post, "/fail", fail)
        .on(Verb::Post, "/panic", panic)
}

type Answered = Result<Answer, Refusal>;

async fn read(session: Session, _: Nothing) -> Answered {
    let principal = json!(session.principal().as_ref().map(|principal| principal.as_str()));
    let body = format!(r#"{{"principal":{principal},"data":{}}}"#, session.to_json()?);
    Ok(Answer::Json(body))
}

async fn set(session: Session, pair: Pair) -> Answered {
    session.set(pair.key()?, &pair.value)?;
    Ok(Answer::NoContent)
}

async fn add(session: Session, name: Name) -> Answered {
    session.update(name.key()?, |number: Option<i64>| {
        number.unwrap_or(0).saturating_add(1)
    })?;
    Ok(Answer::NoContent)
}

async fn remove(session: Session, name: Name) -> Answered {
    session.remove(name.key::<serde_json::Value>()?)?;
    Ok(Answer::NoContent)
}

async fn rotate(session: Session, _: Nothing) -> Answered {
    session.rotate()?;
    Ok(Answer::NoContent)
}

async fn sign_in(session: Session, who: Who) -> Answered {
    let remember = match who.remember.as_deref() {
        None | Some("" | "false" | "0") => false,
        Some("true" | "1") => true,
        Some(_) => return Err(Refusal::BadRequest("remember is true or false")),
    };
    session.sign_in(SignIn::new(who.principal).remember(remember))?;
    Ok(Answer::NoContent)
}

async fn sign_out(session: Session, _: Nothing) -> Answered {
    session.sign_out().await?;
    Ok(Answer::NoContent)
}

async fn sign_out_others(session: Session, _: Nothing) -> Answered {
    session.sign_out_others().await?;
    Ok(Answer::NoContent)
}

async fn sign_out_everywhere(session: Session, _: Nothing) -> Answered {
    session.sign_out_everywhere().await?;
    Ok(Answer::NoContent)
}

async fn end(session: Session, which: Which) -> Answered {
    let id: Id = (which.id.parse()).map_err(|_| Refusal::BadRequest("an id is 32 lower-case hex digits"))?;
    session.end(id).await?;
    Ok(Answer::NoContent)
}

async fn list(session: Session, _: Nothing) -> Answered {
    let sessions = session.sessions().await?;
    let shown: serde_json::Value = sessions.iter().map(show).collect();
    Ok(Answer::Json(shown.to_string()))
}

async fn fail(session: Session, pair: Pair) -> Answered {
    session.set(pair.key()?, &pair.value)?;
    Ok(Answer::ServerError)
}

#[allow(clippy::panic)] // it is what the route is for
async fn panic(session: Session, pair: Pair) -> Answered {
    session.set(pair.key()?, &pair.value)?;
    panic!("as asked for");
}

fn show(session: &SessionInfo) -> serde_json::Value {
    json!({
        "id": session.id.to_string(),
        "created": session.created.as_unix_millis(),
        "last_seen": session.last_seen.map(Timestamp::as_unix_millis),
        "label": session.label.as_ref().map(|label| label.as_str()),
        "current": session.current,
    })
}

/// How long a handler waits: part of each query.
#[derive(Deserialize)]
pub(super) struct Delay {
    pub(super) delay_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Name {
    key: String,
}

impl Name {
    fn key<T>(self) -> Result<Key<T>, Refusal> {
        parse(self.key)
    }
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: String,
}

impl Pair {
    fn key(&self) -> Result<Key<String>, Refusal> {
        parse(self.key.clone())
    }
}

#[derive(Deserialize)]
struct Who {
    principal: String,
    remember: Option<String>,
}

#[derive(Deserialize)]
struct Which {
    id: String,
}

fn parse<T>(key: String) -> Result<Key<T>, Refusal> {
    Key::parse(key).map_err(|_| Refusal::BadRequest("a key is 1 to 255 bytes long"))
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The request makes no sense, and this is why.
    BadRequest(&'static str),
    /// The library says no, in its own response.
    Session(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}
