//! What happens between the handler's response and the client: the session is written, the cookie set.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, RETRY_AFTER, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use pin_project_lite::pin_project;

use crate::sessions::{Finished, Outcome};
use crate::tower::slot::Slot;
use crate::{Error, Session, Sessions};

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
    B: Default,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (response, finishing) = match this.finishing {
            Some(waiting) => waiting,
            none => {
                let response = ready!(this.inner.poll(context))?;
                let Some(session) = this.slot.opened() else {
                    return Poll::Ready(Ok(response));
                };
                let outcome = if response.status().is_server_error() {
                    Outcome::ServerError
                } else {
                    Outcome::Success
                };
                let finish = finish(this.slot.sessions().clone(), session.clone(), outcome);
                none.insert((response, Box::pin(finish)))
            }
        };
        let Finished { result, set_cookie } = ready!(finishing.as_mut().poll(context));
        let mut response = std::mem::take(response);
        if let Err(error) = result {
            response = refusal(&error);
        }
        let headers = response.headers_mut();
        if let Some(line) = set_cookie {
            let line = HeaderValue::try_from(line).expect("a token and checked attributes are visible ASCII");
            headers.append(SET_COOKIE, line);
        }
        keep_private(headers);
        Poll::Ready(Ok(response))
    }
}

async fn finish(sessions: Sessions, session: Session, outcome: Outcome) -> Finished {
    sessions.finish(&session, outcome).await
}

/// The response instead of the handler's, whose changes could not be written.
fn refusal<B: Default>(error: &Error) -> Response<B> {
    let mut response = Response::new(B::default());
    let status = error.kind().status();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = error.kind().retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Keeps caches from giving one user's page to another, however the session was used (security.md C-06).
fn keep_private(headers: &mut HeaderMap) {
    let says = |value: &HeaderValue, words: &[&str]| {
        value.to_str().is_ok_and(|value| {
            value
                .split(',')
                .any(|word| words.iter().any(|w| word.trim().eq_ignore_ascii_case(w)))
        })
    };
    let is_private = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .any(|value| says(value, &["no-store", "private"]));
    if !is_private {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let varies = headers
        .get_all(VARY)
        .iter()
        .any(|value| says(value, &["cookie", "*"]));
    if !varies {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
}
