//! What a client gets in place of a handler's answer: a page to sign in at, or a refusal.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{ACCEPT, HeaderValue, LOCATION, SET_COOKIE};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, Uri};

use crate::actix::refusal::refusal;
use crate::adapter::Slot;
use crate::adapter::sign_in::{self, AsksForSignIn};
use crate::{ErrorKind, Sessions, events};

/// What a browser asked for that could be sent to another page.
#[derive(Debug)]
pub(super) struct Asked {
    sessions: Sessions,
    method: Method,
    uri: Uri,
}

impl Asked {
    /// What this request asks for, if it could be sent to another page.
    pub(super) fn of(request: &ServiceRequest, sessions: &Sessions) -> Option<Box<Self>> {
        let accepts = request.headers().get_all(ACCEPT);
        sign_in::can_be_sent(sessions, accepts.map(HeaderValue::as_bytes)).then(|| {
            Box::new(Self {
                sessions: sessions.clone(),
                method: request.method().clone(),
                uri: request.uri().clone(),
            })
        })
    }

    fn location(&self) -> Option<String> {
        let asked = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        sign_in::location(&self.sessions, self.method.as_str(), asked)
    }
}

/// What a client gets in place of a handler's answer.
#[derive(Debug)]
pub(super) enum Instead {
    /// It learns the kind of a failure.
    Refusal(ErrorKind),
    /// Its browser is sent to a page to sign in at, and keeps the cookies that others have set.
    SignIn { page: String, cookies: Vec<HeaderValue> },
}

impl Instead {
    /// What there is to say in place of this answer, if anything is.
    ///
    /// A handler that takes an `Option` of a user has run as if nobody were signed in when nobody could say who is: actix-web
    /// takes each error for a `None`. Its answer does not leave: to the user it would be a sign-out.
    pub(super) fn of<B>(answer: &mut HttpResponse<B>, asked: Option<&Asked>, slot: &Slot) -> Option<Self> {
        let asks = asks_no_more(answer);
        if let Some(error) = slot.failure()
            && !answer.status().is_server_error()
            && answer.status().as_u16() != error.kind().status()
        {
            events::failed(error);
            return Some(Self::Refusal(error.kind()));
        }
        let page = asked.filter(|_| asks)?.location()?;
        let cookies = answer.headers().get_all(SET_COOKIE).cloned().collect();
        Some(Self::SignIn { page, cookies })
    }

    /// As a response.
    pub(super) fn response(&self) -> HttpResponse {
        match self {
            Self::Refusal(kind) => refusal(*kind),
            Self::SignIn { page, cookies } => {
                let mut sent = HttpResponse::SeeOther();
                sent.insert_header((LOCATION, page.as_str()));
                for line in cookies {
                    sent.append_header((SET_COOKIE, line));
                }
                sent.finish()
            }
        }
    }
}

/// Whether an answer asks for a sign-in. It asks nobody after that: a middleware further out, of other sessions, has
/// another page.
pub(super) fn asks_no_more<B>(answer: &mut HttpResponse<B>) -> bool {
    answer.extensions_mut().remove::<AsksForSignIn>().is_some()
}
