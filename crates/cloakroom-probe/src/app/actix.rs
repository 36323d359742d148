//! The surface on actix-web.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::header::ContentType;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Query, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, ResponseError};
use cloakroom::{Session, Sessions};
use futures_util::FutureExt as _;
use serde::de::DeserializeOwned;

use crate::Pause;
use crate::app::routes::{self, Act, Answer, Delay, Refusal, Surface, Verb};

/// The surface, over these sessions, on actix-web: what an `App` is configured with. `more` adds routes that have
/// sessions.
///
/// Every route that asks for its session takes `delay_ms`, and waits between having the session and using it.
pub fn actix_app(
    sessions: &Sessions,
    pause: Pause,
    more: fn(&mut ServiceConfig),
) -> impl FnOnce(&mut ServiceConfig) {
    let sessions = sessions.middleware();
    move |app| {
        let with_sessions = web::scope("")
            .app_data(pause)
            .configure(|scope| {
                routes::serve(scope);
            })
            .configure(more)
            .wrap(sessions)
            .wrap(from_fn(catch_panic));
        app.route("/none", web::get().to(HttpResponse::Ok))
            .service(with_sessions);
    }
}

/// What the layer of the same name is to axum. actix-web has none: it would close the connection.
async fn catch_panic(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    // Nothing of the request is used after a panic but to answer that there was one.
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| Err(ErrorInternalServerError("the handler panicked")))
}

impl Surface for &mut ServiceConfig {
    fn on<Q, F>(self, verb: Verb, path: &str, act: impl Act<Q, F>) -> Self
    where
        Q: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<Answer, Refusal>> + Send + 'static,
    {
        let route = match verb {
            Verb::Get => web::get(),
            Verb::Post => web::post(),
        };
        let handler = move |Paused(session): Paused, query: Query<Q>| act(session, query.into_inner());
        self.service(web::resource(path).route(route.to(handler)))
    }

    fn nothing(self, path: &str) -> Self {
        self.service(web::resource(path).route(web::get().to(HttpResponse::Ok)))
    }
}

/// The request's session, after the wait that the request asks for.
struct Paused(Session);

impl FromRequest for Paused {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let session = Session::extract(&request).await?;
            let delay = Query::<Delay>::extract(&request).await?;
            let pause = request.app_data::<Pause>().expect("the scope has one");
            pause.wait(delay.delay_ms).await;
            Ok(Self(session))
        })
    }
}

impl Responder for Answer {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Json(body) => HttpResponse::Ok().content_type(ContentType::json()).body(body),
            Self::NoContent => HttpResponse::NoContent().finish(),
            Self::ServerError => HttpResponse::InternalServerError().finish(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(why) => f.write_str(why),
            Self::Session(error) => error.fmt(f),
        }
    }
}

impl ResponseError for Refusal {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::BadRequest(why) => HttpResponse::BadRequest().body(*why),
            Self::Session(error) => error.error_response(),
        }
    }
}
