//! The layer that refuses what another site made a browser send.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::VARY;
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::tower::refusal::refusal;
use crate::{CrossSite, Error, cross_site};

impl CrossSite {
    /// A tower layer that refuses what another site caused, with a 403 and a line of text.
    ///
    /// Put it around the layer of the sessions, so that a request that is refused asks for none: in axum, add it after.
    ///
    /// ```
    /// # #[cfg(all(feature = "axum", feature = "memory"))]
    /// # fn app() {
    /// # use axum::{Router, routing::post};
    /// # use cloakroom::{CrossSite, Session, Sessions, stores::Memory};
    /// # async fn buy(session: Session) {}
    /// # let sessions = Sessions::new(Memory::default());
    /// let app: Router = Router::new()
    ///     .route("/buy", post(buy))
    ///     .layer(sessions.layer())
    ///     .layer(CrossSite::default().layer());
    /// # }
    /// ```
    pub fn layer(&self) -> CrossSiteLayer {
        CrossSiteLayer { rules: self.clone() }
    }
}

/// Refuses what another site made a browser send. Made by [`CrossSite::layer`].
#[derive(Debug, Clone)]
pub struct CrossSiteLayer {
    rules: CrossSite,
}

impl<S> Layer<S> for CrossSiteLayer {
    type Service = CrossSiteService<S>;

    fn layer(&self, inner: S) -> CrossSiteService<S> {
        CrossSiteService {
            inner,
            rules: self.rules.clone(),
        }
    }
}

/// Refuses what another site made a browser send, and gives the rest to an inner service. Made by [`CrossSiteLayer`].
#[derive(Debug, Clone)]
pub struct CrossSiteService<S> {
    inner: S,
    rules: CrossSite,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CrossSiteService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = CrossSiteFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let is_looked_at = !cross_site::is_safe(request.method().as_str());
        match check(&self.rules, &request) {
            Ok(()) => CrossSiteFuture {
                allowed: Some(self.inner.call(request)),
                refused: None,
                is_looked_at,
            },
            Err(error) => CrossSiteFuture {
                allowed: None,
                refused: Some(refusal(error.kind())),
                is_looked_at,
            },
        }
    }
}

fn check<B>(rules: &CrossSite, request: &Request<B>) -> Result<(), Error> {
    let authority = request.uri().authority();
    let authority = authority.map(|authority| authority.as_str().as_bytes());
    let headers = request.headers();
    rules.check(request.method().as_str(), authority, |name| {
        headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
    })
}

pin_project! {
    /// The response of a [`CrossSiteService`].
    pub struct CrossSiteFuture<F, B> {
        #[pin]
        allowed: Option<F>,
        // What is answered where nothing was allowed.
        refused: Option<Response<B>>,
        is_looked_at: bool,
    }
}

impl<F, B, E> Future for CrossSiteFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.allowed.as_pin_mut() {
            Some(allowed) => ready!(allowed.poll(context))?,
            None => this
                .refused
                .take()
                .expect("a future that is done is not polled again"),
        };
        if *this.is_looked_at {
            let vary = HeaderValue::from_static(CrossSite::VARY);
            response.headers_mut().append(VARY, vary);
        }
        Poll::Ready(Ok(response))
    }
}
