//! With a layer that does nothing: what the framework takes for having one.

use std::task::{Context, Poll};

use axum::Router;
use tower::Service;
use tower::layer::layer_fn;

use crate::bare;

/// The routes, below the layer.
pub fn app() -> Router {
    bare::app().layer(layer_fn(Idle))
}

#[derive(Clone)]
struct Idle<S>(S);

impl<S: Service<Request>, Request> Service<Request> for Idle<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}
