//! What happens between the handler's response and the client: the session is written, the cookie set.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, Entry, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::adapter::{Finish, Finishing, Slot, caching};
use crate::sessions::Finished;
use crate::tower::refusal::refusal;
use crate::tower::sign_in::{self, Asked};

pin_project! {
    /// The response of a [`SessionService`](crate::tower::SessionService), once its session is written.
    pub struct ResponseFuture<F, B> {
        #[pin]
        inner: F,
        slot: Slot,
        // What a browser asked for, if it could be sent to sign in instead.
        asked: Option<Box<Asked>>,
        // The response that waits, and the writing it waits for: boxed, since most wait for none.
        finishing: Option<Box<(Response<B>, Finishing)>>,
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(crate) fn new(inner: F, slot: Slot, asked: Option<Box<Asked>>) -> Self {
        Self {
            inner,
            slot,
            asked,
            finishing: None,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default + 'static,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (response, finishing) = &mut **match this.finishing {
            Some(waiting) => waiting,
            none => {
                let response = ready!(this.inner.poll(context))?;
                let response = sign_in::answer(response, this.asked.as_deref());
                let Some(leaving) = this.slot.leave() else {
                    return Poll::Ready(Ok(response));
                };
                match leaving.finish(response.status().as_u16()) {
                    Finish::Now(finished) => return Poll::Ready(Ok(conclude(response, finished))),
                    Finish::Later(finishing) => none.insert(Box::new((response, finishing))),
                }
            }
        };
        let finished = ready!(finishing.as_mut().poll(context));
        Poll::Ready(Ok(conclude(std::mem::take(response), finished)))
    }
}

/// The response as it leaves: the handler's, or a refusal where its changes could not be written.
fn conclude<B: Default + 'static>(mut response: Response<B>, finished: Finished) -> Response<B> {
    let Finished {
        result,
        set_cookie,
        set_snapshot,
    } = finished;
    if let Err(error) = result {
        response = refusal(error.kind());
    }
    let headers = response.headers_mut();
    for line in set_cookie.into_iter().chain(set_snapshot) {
        let line =
            HeaderValue::try_from(line).expect("a value of ours and checked attributes are visible ASCII");
        headers.append(SET_COOKIE, line);
    }
    keep_private(headers);
    response
}

/// Keeps caches from giving one user's page to another, however the session was used.
fn keep_private(headers: &mut HeaderMap) {
    let no_store = HeaderValue::from_static(caching::NO_STORE);
    match headers.entry(CACHE_CONTROL) {
        Entry::Occupied(present) if says(present.iter(), caching::is_private) => {}
        Entry::Occupied(mut present) => {
            present.insert_mult(no_store);
        }
        Entry::Vacant(absent) => {
            absent.insert(no_store);
        }
    }
    let by_cookie = HeaderValue::from_static(caching::BY_COOKIE);
    match headers.entry(VARY) {
        Entry::Occupied(present) if says(present.iter(), caching::varies_by_cookie) => {}
        Entry::Occupied(mut present) => present.append(by_cookie),
        Entry::Vacant(absent) => {
            absent.insert(by_cookie);
        }
    }
}

fn says<'a>(mut values: impl Iterator<Item = &'a HeaderValue>, it: fn(&[u8]) -> bool) -> bool {
    values.any(|value| it(value.as_bytes()))
}
