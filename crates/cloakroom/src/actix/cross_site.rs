//! The middleware that refuses what another site made a browser send.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{self, Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{HeaderValue, VARY};
use actix_web::{Error, HttpResponse};
use pin_project_lite::pin_project;

use crate::actix::refusal::refusal;
use crate::{CrossSite, cross_site};

impl CrossSite {
    /// An actix-web middleware that refuses what another site caused, with a 403 and a line of text.
    ///
    /// Wrap it around the sessions, so that a request that is refused asks for none: what is wrapped last runs first.
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # mod app {
    /// # use actix_web::{App, HttpServer, web};
    /// # use cloakroom::{CrossSite, Session, Sessions, stores::Memory};
    /// # async fn buy(session: Session) -> &'static str { "bought" }
    /// # fn f(sessions: Sessions) {
    /// let app = move || {
    ///     App::new()
    ///         .route("/buy", web::post().to(buy))
    ///         .wrap(sessions.middleware())
    ///         .wrap(CrossSite::default().middleware())
    /// };
    /// let server = HttpServer::new(app);
    /// # }
    /// # }
    /// ```
    pub fn middleware(&self) -> CrossSiteMiddleware {
        CrossSiteMiddleware { rules: self.clone() }
    }
}

/// Refuses what another site made a browser send. Made by [`CrossSite::middleware`].
#[derive(Debug, Clone)]
pub struct CrossSiteMiddleware {
    rules: CrossSite,
}

impl<S, B> Transform<S, ServiceRequest> for CrossSiteMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = CrossSiteService<S>;
    type InitError = ();
    type Future = Ready<Result<CrossSiteService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let rules = self.rules.clone();
        ready(Ok(CrossSiteService { inner, rules }))
    }
}

/// Refuses what another site made a browser send, and gives the rest to an inner service. Made by [`CrossSiteMiddleware`].
#[derive(Debug, Clone)]
pub struct CrossSiteService<S> {
    inner: S,
    rules: CrossSite,
}

impl<S, B> Service<ServiceRequest> for CrossSiteService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = CrossSiteFuture<S::Future, B>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let is_looked_at = !cross_site::is_safe(request.method().as_str());
        match check(&self.rules, &request) {
            Ok(()) => CrossSiteFuture {
                allowed: Some(self.inner.call(request)),
                refused: None,
                is_looked_at,
            },
            Err(error) => CrossSiteFuture {
                allowed: None,
                refused: Some(request.into_response(refusal(error.kind()).map_into_right_body())),
                is_looked_at,
            },
        }
    }
}

fn check(rules: &CrossSite, request: &ServiceRequest) -> Result<(), crate::Error> {
    let authority = request.uri().authority();
    let authority = authority.map(|authority| authority.as_str().as_bytes());
    let headers = request.headers();
    rules.check(request.method().as_str(), authority, |name| {
        headers.get_all(name).map(HeaderValue::as_bytes)
    })
}

pin_project! {
    /// The response of a [`CrossSiteService`].
    pub struct CrossSiteFuture<F, B> {
        #[pin]
        allowed: Option<F>,
        // What is answered where nothing was allowed.
        refused: Option<ServiceResponse<EitherBody<B>>>,
        is_looked_at: bool,
    }
}

impl<F, B> Future for CrossSiteFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = match this.allowed.as_pin_mut() {
            Some(allowed) => task::ready!(allowed.poll(context)).map(ServiceResponse::map_into_left_body),
            None => Ok(this
                .refused
                .take()
                .expect("a future that is done is not polled again")),
        };
        Poll::Ready(match (answer, *this.is_looked_at) {
            (answer, false) => answer,
            (Ok(response), true) => {
                let (request, response) = response.into_parts();
                Ok(ServiceResponse::new(request, depends(response)))
            }
            (Err(mut error), true) => {
                error.add_response_mapper(depends);
                Err(error)
            }
        })
    }
}

/// The response, which says what it depends on.
fn depends<B>(mut response: HttpResponse<B>) -> HttpResponse<B> {
    let vary = HeaderValue::from_static(CrossSite::VARY);
    response.headers_mut().append(VARY, vary);
    response
}
