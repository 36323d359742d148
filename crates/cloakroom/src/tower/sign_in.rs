//! Sends browsers to where one signs in, and from there back, instead of telling them 401.

use http::header::{ACCEPT, LOCATION, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::Sessions;
use crate::adapter::sign_in::{self, AsksForSignIn};

/// The response, or one that sends the browser to the page to sign in at, if it asks for that and can be sent.
///
/// Whichever it is, it asks nobody any more: a layer further out, of other sessions, has another page.
pub(crate) fn answer<B: Default>(mut response: Response<B>, asked: Option<&Asked>) -> Response<B> {
    let asks = response.extensions_mut().remove::<AsksForSignIn>().is_some();
    match asked.filter(|_| asks) {
        Some(asked) => asked.answer(response),
        None => response,
    }
}

/// What a browser asked for that could be sent to another page.
#[derive(Debug)]
pub(crate) struct Asked {
    sessions: Sessions,
    method: Method,
    uri: Uri,
}

impl Asked {
    /// What this request asks for, if it could be sent to another page. Kept aside, since routers take off the beginning
    /// of a path.
    pub(crate) fn of<B>(request: &Request<B>, sessions: &Sessions) -> Option<Box<Self>> {
        let accepts = request.headers().get_all(ACCEPT).into_iter();
        sign_in::can_be_sent(sessions, accepts.map(HeaderValue::as_bytes)).then(|| {
            Box::new(Self {
                sessions: sessions.clone(),
                method: request.method().clone(),
                uri: request.uri().clone(),
            })
        })
    }

    /// In place of a response that asks for a sign-in, one that sends the browser to where it does that. Cookies that others
    /// have set are still set.
    fn answer<B: Default>(&self, response: Response<B>) -> Response<B> {
        let asked = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let Some(location) = sign_in::location(&self.sessions, self.method.as_str(), asked) else {
            return response;
        };
        let mut sent = Response::new(B::default());
        *sent.status_mut() = StatusCode::SEE_OTHER;
        let location = HeaderValue::try_from(location).expect("a local path is visible ASCII");
        sent.headers_mut().insert(LOCATION, location);
        for line in response.headers().get_all(SET_COOKIE) {
            sent.headers_mut().append(SET_COOKIE, line.clone());
        }
        sent
    }
}
