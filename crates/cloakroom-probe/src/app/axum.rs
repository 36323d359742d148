//! The surface on axum.

use axum::Router;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cloakroom::{Session, Sessions};
use serde::de::DeserializeOwned;
use tower_http::catch_panic::CatchPanicLayer;

use crate::Pause;
use crate::app::routes::{self, Act, Answer, Delay, Refusal, Surface, Verb};

/// The surface, over these sessions, on axum.
///
/// Every route that asks for its session takes `delay_ms`, and waits between having the session and using it.
pub fn app(sessions: &Sessions, pause: Pause) -> Router {
    routes::serve(Router::new())
        .with_state(pause)
        .layer(sessions.layer())
        .route("/none", get(nothing))
        .layer(CatchPanicLayer::new())
}

impl Surface for Router<Pause> {
    fn on<Q, F>(self, verb: Verb, path: &str, act: impl Act<Q, F>) -> Self
    where
        Q: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<Answer, Refusal>> + Send + 'static,
    {
        let handler = move |Paused(session): Paused, Query(query): Query<Q>| act(session, query);
        match verb {
            Verb::Get => self.route(path, get(handler)),
            Verb::Post => self.route(path, post(handler)),
        }
    }

    fn nothing(self, path: &str) -> Self {
        self.route(path, get(nothing))
    }
}

async fn nothing() -> StatusCode {
    StatusCode::OK
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

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Json(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Self::NoContent => StatusCode::NO_CONTENT.into_response(),
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
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
