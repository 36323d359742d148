//! What happens between the handler's response and the client: the session is written, the cookie set.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use actix_web::{Error, HttpResponse};
use pin_project_lite::pin_project;

use crate::actix::refusal::refusal;
use crate::adapter::{Finish, Finishing, Slot, caching};
use crate::sessions::Finished;

pin_project! {
    /// The response of a [`SessionService`](crate::actix::SessionService), once its session is written.
    pub struct ResponseFuture<F, B> {
        #[pin]
        inner: F,
        slot: Slot,
        // The answer that waits, and the writing it waits for. Nothing, where nobody asked for the session.
        finishing: Option<(Answer<B>, Finishing)>,
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn new(inner: F, slot: Slot) -> Self {
        Self {
            inner,
            slot,
            finishing: None,
        }
    }
}

impl<F, B> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.finishing.is_none() {
            let answer = ready!(this.inner.poll(context));
            let Some(leaving) = this.slot.leave() else {
                return Poll::Ready(answer.map(ServiceResponse::map_into_left_body));
            };
            let answer = Answer::from(answer);
            match leaving.finish(answer.status()) {
                Finish::Now(finished) => return Poll::Ready(answer.conclude(finished)),
                Finish::Later(finishing) => *this.finishing = Some((answer, finishing)),
            }
        }
        let waits = "set above, and only taken when the future is ready";
        let (_, finishing) = this.finishing.as_mut().expect(waits);
        let finished = ready!(finishing.as_mut().poll(context));
        let (answer, _) = this.finishing.take().expect(waits);
        Poll::Ready(answer.conclude(finished))
    }
}

/// What the inner service has answered.
enum Answer<B> {
    Response(ServiceResponse<B>),
    /// An inner middleware's error, and the response it makes of itself: asked for once, for some have only one.
    Error(Error, HttpResponse),
}

impl<B> From<Result<ServiceResponse<B>, Error>> for Answer<B> {
    fn from(answer: Result<ServiceResponse<B>, Error>) -> Self {
        match answer {
            Ok(response) => Self::Response(response),
            Err(error) => {
                let response = error.error_response();
                Self::Error(error, response)
            }
        }
    }
}

impl<B: MessageBody> Answer<B> {
    fn status(&self) -> u16 {
        match self {
            Self::Response(response) => response.status().as_u16(),
            Self::Error(_, response) => response.status().as_u16(),
        }
    }

    /// The answer as it leaves.
    fn conclude(self, finished: Finished) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        match self {
            Self::Response(response) => {
                let (request, response) = response.into_parts();
                Ok(ServiceResponse::new(request, conclude(response, &finished)))
            }
            // It stays an error, and the one it was: outer middlewares look for those they know.
            Self::Error(mut error, response) => {
                let first = Cell::new(Some(response));
                error.add_response_mapper(move |again| {
                    conclude(first.take().unwrap_or(again), &finished).map_into_boxed_body()
                });
                Err(error)
            }
        }
    }
}

/// The response as it leaves: the handler's, or a refusal where its changes could not be written.
fn conclude<B>(response: HttpResponse<B>, finished: &Finished) -> HttpResponse<EitherBody<B>> {
    let mut response = match &finished.result {
        Ok(()) => response.map_into_left_body(),
        Err(error) => refusal(error.kind()).map_into_right_body(),
    };
    let headers = response.headers_mut();
    for line in finished.set_cookie.iter().chain(&finished.set_snapshot) {
        let line =
            HeaderValue::try_from(line).expect("a value of ours and checked attributes are visible ASCII");
        headers.append(SET_COOKIE, line);
    }
    keep_private(headers);
    response
}

/// Keeps caches from giving one user's page to another, however the session was used.
fn keep_private(headers: &mut HeaderMap) {
    let says = |mut values: std::slice::Iter<'_, HeaderValue>, it: fn(&[u8]) -> bool| {
        values.any(|value| it(value.as_bytes()))
    };
    if !says(headers.get_all(CACHE_CONTROL), caching::is_private) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching::NO_STORE));
    }
    if !says(headers.get_all(VARY), caching::varies_by_cookie) {
        headers.append(VARY, HeaderValue::from_static(caching::BY_COOKIE));
    }
}
