//! What happens between the handler's response and the client: the session is written, the cookie set.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, Entry, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response};
use pin_project_lite::pin_project;

use crate::sessions::{Finished, Outcome};
use crate::tower::refusal::refusal;
use crate::tower::slot::Slot;
use crate::{Session, Sessions};

type Finishing = Pin<Box<dyn Future<Output = Finished> + Send>>;

pin_project! {
    /// The response of a [`SessionService`](crate::tower::SessionService), once its session is written.
    pub struct ResponseFuture<F, B> {
        #[pin]
        inner: F,
        slot: Slot,
        // The response that waits, and the writing it waits for. Nothing, where nobody asked for the session.
        finishing: Option<(Response<B>, Finishing)>,
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(crate) fn new(inner: F, slot: Slot) -> Self {
        Self {
            inner,
            slot,
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
        let (response, finishing) = match this.finishing {
            Some(waiting) => waiting,
            none => {
                let response = this.slot.answer(ready!(this.inner.poll(context))?);
                let Some(session) = this.slot.leave() else {
                    return Poll::Ready(Ok(response));
                };
                let outcome = if response.status().is_server_error() {
                    Outcome::ServerError
                } else {
                    Outcome::Success
                };
                if let Some(finished) = this.slot.sessions().finish_at_once(session, outcome) {
                    return Poll::Ready(Ok(conclude(response, finished)));
                }
                let finish = finish(this.slot.sessions().clone(), session.clone(), outcome);
                none.insert((response, Box::pin(finish)))
            }
        };
        let finished = ready!(finishing.as_mut().poll(context));
        Poll::Ready(Ok(conclude(std::mem::take(response), finished)))
    }
}

async fn finish(sessions: Sessions, session: Session, outcome: Outcome) -> Finished {
    sessions.finish(&session, outcome).await
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
    match headers.entry(CACHE_CONTROL) {
        Entry::Occupied(present) if present.iter().any(|value| says(value, &["no-store", "private"])) => {}
        Entry::Occupied(mut present) => {
            present.insert_mult(HeaderValue::from_static("no-store"));
        }
        Entry::Vacant(absent) => {
            absent.insert(HeaderValue::from_static("no-store"));
        }
    }
    match headers.entry(VARY) {
        Entry::Occupied(present) if present.iter().any(|value| says(value, &["cookie", "*"])) => {}
        Entry::Occupied(mut present) => present.append(HeaderValue::from_static("Cookie")),
        Entry::Vacant(absent) => {
            absent.insert(HeaderValue::from_static("Cookie"));
        }
    }
}

/// Whether one of these words is on a header's list.
fn says(value: &HeaderValue, words: &[&str]) -> bool {
    value.to_str().is_ok_and(|value| {
        value
            .split(',')
            .any(|word| words.iter().any(|w| word.trim().eq_ignore_ascii_case(w)))
    })
}
