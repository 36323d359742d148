//! The middleware, and the service it makes: puts a slot for the session into each request.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};

use crate::Sessions;
use crate::actix::future::ResponseFuture;
use crate::actix::instead::Asked;
use crate::adapter::Slot;

/// Gives the requests of an actix-web app, scope or resource a session to ask for. Made by
/// [`Sessions::middleware`].
#[derive(Debug, Clone)]
pub struct SessionMiddleware {
    sessions: Sessions,
}

impl Sessions {
    /// An actix-web middleware that gives each request its session to ask for:
    /// `App::new().wrap(sessions.middleware())`.
    ///
    /// A request that does not ask for it costs the store nothing.
    pub fn middleware(&self) -> SessionMiddleware {
        SessionMiddleware {
            sessions: self.clone(),
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for SessionMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = SessionService<S>;
    type InitError = ();
    type Future = Ready<Result<SessionService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let sessions = self.sessions.clone();
        ready(Ok(SessionService { inner, sessions }))
    }
}

/// Gives the requests of an inner service a session to ask for. Made by [`SessionMiddleware`].
#[derive(Debug, Clone)]
pub struct SessionService<S> {
    inner: S,
    sessions: Sessions,
}

impl<S, B> Service<ServiceRequest> for SessionService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = ResponseFuture<S::Future, B>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), actix_web::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let asked = Asked::of(&request, &self.sessions);
        let slot = Slot::new(self.sessions.clone());
        let outer = request.extensions_mut().insert(slot.clone());
        ResponseFuture::new(self.inner.call(request), slot, outer, asked)
    }
}
