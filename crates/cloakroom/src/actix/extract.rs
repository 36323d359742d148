//! Asking for the session of a request and for its user: the extractors, and a function for who has none.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use crate::adapter::Slot;
use crate::{Error, ErrorKind, Session, User, events};

impl FromRequest for Session {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { session(&request).await })
    }
}

/// An `Option` of it is actix-web's, which takes each error for a `None`: the middleware does not let such an answer leave.
impl<T: Send + Sync + 'static> FromRequest for User<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match user(&request).await {
                Ok(user) => user.ok_or_else(Error::not_signed_in),
                Err(error) => {
                    fail(&request, &error);
                    Err(error)
                }
            }
        })
    }
}

async fn user<T: Send + Sync + 'static>(request: &HttpRequest) -> Result<Option<User<T>>, Error> {
    session(request).await?.user().await
}

/// Lets the middleware know that nobody can say who is signed in.
fn fail(request: &HttpRequest, error: &Error) {
    match find(request) {
        Ok(slot) => slot.fail(error.clone()),
        // There is no middleware to answer instead of a handler that never hears of it: the log does.
        Err(no_middleware) => events::failed(&no_middleware),
    }
}

/// The session of a request, for whoever has no extractor to ask with: loads it the first time.
///
/// A middleware that is wrapped before the sessions has the request as `ServiceRequest::request`.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] when the store could not be asked; [`ErrorKind::NoLayer`] for a request that did not
/// come through a [`SessionMiddleware`](crate::SessionMiddleware).
pub async fn session(request: &HttpRequest) -> Result<Session, Error> {
    let lines = request.headers().get_all(header::COOKIE);
    find(request)?.open(lines.map(HeaderValue::as_bytes)).await
}

// A clone: others change the extensions while the store is asked.
fn find(request: &HttpRequest) -> Result<Slot, Error> {
    let slot = request.extensions().get::<Slot>().cloned();
    slot.ok_or_else(|| {
        Error::new(
            ErrorKind::NoLayer,
            "this route has no sessions: give its app or scope `.wrap(sessions.middleware())`, after the middlewares that \
             use them",
        )
    })
}
