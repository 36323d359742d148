//! A browser: it keeps the cookies that it is given.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt as _;

#[derive(Clone, Default)]
pub struct Browser(BTreeMap<String, String>);

impl Browser {
    /// The names of the cookies it has.
    pub fn cookies(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// What the page says.
    pub async fn get(&mut self, app: &Router, page: &str) -> String {
        let mut request = Request::get(page);
        for (name, value) in &self.0 {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = app.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK, "{page}");
        for line in response.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("text");
            let (name, value) = line
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a pair");
            if line.contains("Max-Age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8(body.to_vec()).expect("text")
    }
}
