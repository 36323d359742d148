//! Sends browsers to where one signs in, and from there back, instead of telling them 401.

use http::header::{ACCEPT, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::Sessions;

/// Marks a response that asks for a sign-in.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "axum"),
    allow(dead_code, reason = "responses are marked where errors become some")
)]
pub(crate) struct AsksForSignIn;

/// What a browser asked for that could be sent to another page.
#[derive(Debug)]
pub(crate) struct Asked {
    sessions: Sessions,
    method: Method,
    uri: Uri,
}

impl Asked {
    /// What this request asks for; `None` where there is no page to sign in at, and for a script. Kept aside, since routers
    /// take off the beginning of a path.
    pub(crate) fn of<B>(request: &Request<B>, sessions: &Sessions) -> Option<Box<Self>> {
        if sessions.config.sign_in_page.is_none() || !accepts_html(request.headers()) {
            return None;
        }
        Some(Box::new(Self {
            sessions: sessions.clone(),
            method: request.method().clone(),
            uri: request.uri().clone(),
        }))
    }

    /// The response, or one that sends the browser to the page to sign in at, if that is what it asks for.
    pub(crate) fn answer<B: Default>(&self, response: Response<B>) -> Response<B> {
        if response.extensions().get::<AsksForSignIn>().is_none() {
            return response;
        }
        let page = self.sessions.config.sign_in_page.as_ref();
        let goes_back = self.method == Method::GET || self.method == Method::HEAD;
        let asked = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let Some(location) = page.and_then(|page| page.instead_of(asked, goes_back)) else {
            return response;
        };
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let location = HeaderValue::try_from(location).expect("a local path is visible ASCII");
        response.headers_mut().insert(LOCATION, location);
        response
    }
}

/// Whether a page is an answer: browsers say so when they navigate, and scripts rarely.
fn accepts_html(headers: &HeaderMap) -> bool {
    let mut accepts = headers.get_all(ACCEPT).into_iter();
    accepts.any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
}
