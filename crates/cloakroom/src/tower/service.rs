//! The service: puts a slot for the session into each request.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::Sessions;
use crate::adapter::Slot;
use crate::tower::future::ResponseFuture;
use crate::tower::sign_in::Asked;

/// Gives the requests of an inner service a session to ask for. Made by [`SessionLayer`](crate::SessionLayer).
#[derive(Debug, Clone)]
pub struct SessionService<S> {
    inner: S,
    sessions: Sessions,
}

impl<S> SessionService<S> {
    pub(crate) fn new(inner: S, sessions: Sessions) -> Self {
        Self { inner, sessions }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let asked = Asked::of(&request, &self.sessions);
        let slot = Slot::new(self.sessions.clone());
        request.extensions_mut().insert(slot.clone());
        ResponseFuture::new(self.inner.call(request), slot, asked)
    }
}
