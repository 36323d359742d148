//! What happens between the handler's response and the client: the session is written, the cookie set.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use actix_web::{Error, HttpMessage as _, HttpResponse};
use pin_project_lite::pin_project;

use crate::actix::instead::{Asked, Instead, asks_no_more};
use crate::adapter::{Finish, Finishing, Slot, caching};
use crate::sessions::Finished;

pin_project! {
    /// The response of a [`SessionService`](crate::actix::SessionService), once its session is written.
    pub struct ResponseFuture<F, B> {
        #[pin]
        inner: F,
        slot: Slot,
        // The slot of a middleware further out, which the request has again when this one is through with it.
        outer: Option<Slot>,
        // What a browser asked for, if it could be sent to sign in instead.
        asked: Option<Box<Asked>>,
        // The answer that waits, and the writing it waits for. Nothing, where nobody asked for the session.
        finishing: Option<(Answer<B>, Finishing)>,
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn new(inner: F, slot: Slot, outer: Option<Slot>, asked: Option<Box<Asked>>) -> Self {
        Self {
            inner,
            slot,
            outer,
            asked,
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
            if let (Ok(response), Some(outer)) = (&answer, this.outer.take()) {
                response.request().extensions_mut().insert(outer);
            }
            let leaving = this.slot.leave();
            if leaving.is_none() && this.slot.failure().is_none() && this.asked.is_none() {
                return Poll::Ready(answer.map(ServiceResponse::map_into_left_body));
            }
            let answer = Answer::new(answer, this.asked.as_deref(), this.slot);
            let Some(leaving) = leaving else {
                return Poll::Ready(answer.conclude(None));
            };
            match leaving.finish(answer.status()) {
                Finish::Now(finished) => return Poll::Ready(answer.conclude(Some(finished))),
                Finish::Later(finishing) => *this.finishing = Some((answer, finishing)),
            }
        }
        let waits = "set above, and only taken when the future is ready";
        let (_, finishing) = this.finishing.as_mut().expect(waits);
        let finished = ready!(finishing.as_mut().poll(context));
        let (answer, _) = this.finishing.take().expect(waits);
        Poll::Ready(answer.conclude(Some(finished)))
    }
}

/// What the inner service has answered.
enum Answer<B> {
    Response(ServiceResponse<EitherBody<B>>),
    /// An inner middleware's error, and the response it makes of itself. It is asked for it once: some have only one to give.
    Error(Error, HttpResponse, Option<Instead>),
}

impl<B: MessageBody> Answer<B> {
    fn new(answer: Result<ServiceResponse<B>, Error>, asked: Option<&Asked>, slot: &Slot) -> Self {
        match answer {
            Ok(mut response) => Self::Response(match Instead::of(response.response_mut(), asked, slot) {
                None => response.map_into_left_body(),
                Some(instead) => response.into_response(instead.response()).map_into_right_body(),
            }),
            Err(error) => {
                let mut response = error.error_response();
                match Instead::of(&mut response, asked, slot) {
                    None => Self::Error(error, response, None),
                    Some(instead) => Self::Error(error, instead.response(), Some(instead)),
                }
            }
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Response(response) => response.status().as_u16(),
            Self::Error(_, response, _) => response.status().as_u16(),
        }
    }

    /// The answer as it leaves; nothing has finished where nobody asked for the session.
    fn conclude(self, finished: Option<Finished>) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        match self {
            Self::Response(response) => {
                let (request, response) = response.into_parts();
                Ok(ServiceResponse::new(
                    request,
                    conclude(response, finished.as_ref()),
                ))
            }
            // It stays an error, and the one it was: outer middlewares look for those they know.
            Self::Error(mut error, response, instead) => {
                let first = Cell::new(Some(response));
                error.add_response_mapper(move |mut again| {
                    asks_no_more(&mut again);
                    let again = || instead.as_ref().map_or(again, Instead::response);
                    let response = first.take().unwrap_or_else(again).map_into_left_body();
                    conclude(response, finished.as_ref()).map_into_boxed_body()
                });
                Err(error)
            }
        }
    }
}

/// The response as it leaves: the handler's, or a refusal where its changes could not be written.
fn conclude<B>(
    mut response: HttpResponse<EitherBody<B>>,
    finished: Option<&Finished>,
) -> HttpResponse<EitherBody<B>> {
    let Some(finished) = finished else {
        return response;
    };
    if let Err(error) = &finished.result {
        response = Instead::Refusal(error.kind()).response().map_into_right_body();
    }
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
