//! The routes: each asks for the session, waits, does one thing.

use axum::Router;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cloakroom::store::Id;
use cloakroom::{Error, Key, Session, SessionInfo, Sessions, SignIn};
use serde::Deserialize;
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

use crate::Pause;

/// The surface, over these sessions.
///
/// Every route that asks for its session takes `delay_ms`, and waits between having the session and using it.
pub fn app(sessions: &Sessions, pause: Pause) -> Router {
    Router::new()
        .route("/anon", get(nothing))
        .route("/read", get(read))
        .route("/set", post(set))
        .route("/add", post(add))
        .route("/remove", post(remove))
        .route("/rotate", post(rotate))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/sign-out-others", post(sign_out_others))
        .route("/sign-out-everywhere", post(sign_out_everywhere))
        .route("/end", post(end))
        .route("/sessions", get(list))
        .route("/fail", post(fail))
        .route("/panic", post(panic))
        .with_state(pause)
        .layer(sessions.layer())
        .route("/none", get(nothing))
        .layer(CatchPanicLayer::new())
}

type Answer = Result<StatusCode, Refusal>;

async fn nothing() -> StatusCode {
    StatusCode::OK
}

async fn read(Paused(session): Paused) -> Result<Response, Refusal> {
    let principal = json!(session.principal().as_ref().map(|principal| principal.as_str()));
    let body = format!(r#"{{"principal":{principal},"data":{}}}"#, session.to_json()?);
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn set(Paused(session): Paused, Query(pair): Query<Pair>) -> Answer {
    session.set(pair.key()?, &pair.value)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add(Paused(session): Paused, Query(name): Query<Name>) -> Answer {
    session.update(name.key()?, |number: Option<i64>| {
        number.unwrap_or(0).saturating_add(1)
    })?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(Paused(session): Paused, Query(name): Query<Name>) -> Answer {
    session.remove(name.key::<serde_json::Value>()?)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(Paused(session): Paused) -> Answer {
    session.rotate()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sign_in(Paused(session): Paused, Query(who): Query<Who>) -> Answer {
    let remember = match who.remember.as_deref() {
        None | Some("" | "false" | "0") => false,
        Some("true" | "1") => true,
        Some(_) => return Err(Refusal::BadRequest("remember is true or false")),
    };
    session.sign_in(SignIn::new(who.principal).remember(remember))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sign_out(Paused(session): Paused) -> Answer {
    session.sign_out().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sign_out_others(Paused(session): Paused) -> Answer {
    session.sign_out_others().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sign_out_everywhere(Paused(session): Paused) -> Answer {
    session.sign_out_everywhere().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end(Paused(session): Paused, Query(which): Query<Which>) -> Answer {
    let id: Id = (which.id.parse()).map_err(|_| Refusal::BadRequest("an id is 32 lower-case hex digits"))?;
    session.end(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(Paused(session): Paused) -> Result<Response, Refusal> {
    let sessions = session.sessions().await?;
    let shown: Vec<serde_json::Value> = sessions.iter().map(show).collect();
    Ok(axum::Json(shown).into_response())
}

async fn fail(Paused(session): Paused, Query(pair): Query<Pair>) -> Answer {
    session.set(pair.key()?, &pair.value)?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

#[allow(clippy::panic)] // it is what the route is for
async fn panic(Paused(session): Paused, Query(pair): Query<Pair>) -> Answer {
    session.set(pair.key()?, &pair.value)?;
    panic!("as asked for");
}

fn show(session: &SessionInfo) -> serde_json::Value {
    json!({
        "id": session.id.to_string(),
        "created": session.created.as_unix_millis(),
        "last_seen": session.last_seen.as_unix_millis(),
        "label": session.label.as_ref().map(|label| label.as_str()),
        "current": session.current,
    })
}

/// The request's session, after the wait that the request asks for.
struct Paused(Session);

impl FromRequestParts<Pause> for Paused {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pause: &Pause) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, pause)
            .await
            .map_err(IntoResponse::into_response)?;
        let Query(delay) = Query::<Delay>::from_request_parts(parts, pause)
            .await
            .map_err(IntoResponse::into_response)?;
        pause.wait(delay.delay_ms).await;
        Ok(Self(session))
    }
}

#[derive(Deserialize)]
struct Delay {
    delay_ms: Option<u64>,
}

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
enum Refusal {
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

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::BadRequest(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Session(error) => error.into_response(),
        }
    }
}
