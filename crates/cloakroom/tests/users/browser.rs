//! A browser: sends requests to an application, and keeps cookies the way browsers do.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};

use crate::frameworks::App;

/// A browser with one cookie jar, in front of one application.
#[derive(Clone)]
pub(crate) struct Browser {
    app: App,
    jar: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(app: impl Into<App>) -> Self {
        Self {
            app: app.into(),
            jar: BTreeMap::new(),
        }
    }

    /// Navigates to a page.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "text/html,application/xhtml+xml,*/*;q=0.8")
            .await
    }

    /// Sends a form.
    pub(crate) async fn post(&mut self, path: &str) -> Answer {
        self.send(Method::POST, path, "text/html,application/xhtml+xml,*/*;q=0.8")
            .await
    }

    /// Asks as a script does.
    pub(crate) async fn fetch(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "*/*").await
    }

    /// Whether it has the session's cookie.
    pub(crate) fn has_session(&self) -> bool {
        self.jar.contains_key("__Host-session")
    }

    /// What it sends as the line of its cookies.
    pub(crate) fn cookie(&self) -> String {
        let cookies: Vec<String> = self.jar.iter().map(|(k, v)| format!("{k}={v}")).collect();
        cookies.join("; ")
    }

    async fn send(&mut self, method: Method, path: &str, accept: &str) -> Answer {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request
            .headers_mut()
            .insert(header::ACCEPT, accept.parse().unwrap());
        if !self.jar.is_empty() {
            let cookies = self.cookie().parse().unwrap();
            request.headers_mut().insert(header::COOKIE, cookies);
        }
        let (parts, body) = self.app.answer(request).await.into_parts();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body).unwrap(),
        };
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = line.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The one value of a header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).into_iter().collect();
        assert!(values.len() <= 1, "{name}: {values:?}");
        values.first().map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it does something to the session's cookie.
    pub(crate) fn touches_cookie(&self) -> bool {
        let lines = self.headers.get_all(header::SET_COOKIE);
        lines
            .into_iter()
            .any(|line| line.as_bytes().starts_with(b"__Host-session="))
    }
}
