//! What browsers send: one request for each session, made before anything is counted.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use tower::Service;

use crate::data::USER;

/// What a request does with its session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// The cookie is there, and nobody asks for the session.
    Unused,
    /// One value is read.
    Read,
    /// One value of five is set.
    Write,
    /// Somebody signs in, in an anonymous session that has data.
    SignIn,
}

impl Route {
    pub(crate) const NAMES: [&str; 4] = ["unused", "read", "write", "sign-in"];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let routes = [Self::Unused, Self::Read, Self::Write, Self::SignIn];
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Some(routes[at])
    }

    fn method(self) -> Method {
        match self {
            Self::Unused | Self::Read => Method::GET,
            Self::Write | Self::SignIn => Method::POST,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Unused => "/unused",
            Self::Read => "/read",
            Self::Write => "/write",
            Self::SignIn => "/sign-in",
        }
    }
}

/// Begins so many anonymous sessions, each with its data, and makes a request for each.
pub(crate) async fn prepare(app: &mut Router, route: Route, count: usize) -> Vec<Request<()>> {
    let mut requests = Vec::with_capacity(count);
    for _ in 0..count {
        let Ok(response) = app
            .call(request(Method::POST, "/begin", None).map(|()| Body::empty()))
            .await;
        assert_eq!(response.status(), StatusCode::OK, "a session begins");
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        let cookies = lines.map(|line| {
            let line = line.to_str().expect("a cookie is ASCII");
            line.split(';').next().unwrap_or(line)
        });
        let mut cookie = cookies.collect::<Vec<_>>().join("; ");
        if cookie.is_empty() {
            // An app without sessions gets a cookie of the same size, and does not look at it.
            cookie = format!("__Host-session={}", "x".repeat(65));
        }
        let request = request(route.method(), route.path(), Some(&cookie));
        // The first clone makes its bytes shared, once: not to be counted.
        drop(request.clone());
        requests.push(request);
    }
    requests
}

/// Sends requests, and checks that they do what is to be measured.
pub(crate) async fn check(app: &mut Router, route: Route, requests: &[Request<()>]) {
    for request in requests {
        let has_session = !request.headers()[header::COOKIE].as_bytes().ends_with(b"xxx");
        let Ok(response) = app.call(request.clone().map(|()| Body::empty())).await;
        assert_eq!(response.status(), StatusCode::OK);
        let sets_cookie = response.headers().contains_key(header::SET_COOKIE);
        assert!(
            sets_cookie || !has_session || route != Route::SignIn,
            "a sign-in changes the cookie"
        );
        let body = to_bytes(response.into_body(), 100).await.expect("a short body");
        assert_eq!(body == USER, route == Route::Read, "{body:?}");
    }
}

fn request(method: Method, path: &str, cookie: Option<&str>) -> Request<()> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "shop.example.com")
        .header(
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        )
        .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
        .header(header::ACCEPT_LANGUAGE, "en-US,en;q=0.5")
        .header(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd");
    let request = match cookie {
        Some(cookie) => request.header(header::COOKIE, format!("consent=2026-11-21; {cookie}")),
        None => request,
    };
    request
        .body(())
        .expect("constant headers and a cookie that was sent to us")
}
