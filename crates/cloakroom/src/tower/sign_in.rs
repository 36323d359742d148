//! Sends browsers to where one signs in, and from there back, instead of telling them 401.

use http::header::{ACCEPT, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::Sessions;
use crate::adapter::sign_in::{self, AsksForSignIn};

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

    /// The response, or one that sends the browser to the page to sign in at, if that is what it asks for.
    pub(crate) fn answer<B: Default>(&self, response: Response<B>) -> Response<B> {
        if response.extensions().get::<AsksForSignIn>().is_none() {
            return response;
        }
        let asked = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let Some(location) = sign_in::location(&self.sessions, self.method.as_str(), asked) else {
            return response;
        };
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let location = HeaderValue::try_from(location).expect("a local path is visible ASCII");
        response.headers_mut().insert(LOCATION, location);
        response
    }
}
