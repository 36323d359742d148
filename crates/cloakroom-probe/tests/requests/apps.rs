//! The probe on each framework: served over HTTP, or called without a connection.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{ServerHandle, Service as _, ServiceResponse};
use actix_web::{HttpResponse, HttpServer};
use axum::Router;
use axum::body::Body;
use cloakroom::Sessions;
use cloakroom_probe::{Framework, Pause, actix_app, app};
use tower::ServiceExt as _;

use crate::browser::Answer;
use crate::handlers;
use crate::said::Said;

/// The probe over some sessions, with the suite's own handlers.
#[derive(Clone)]
pub(crate) struct App {
    framework: Framework,
    sessions: Sessions,
    pause: Pause,
}

impl App {
    pub(crate) fn new(framework: Framework, sessions: &Sessions, pause: Pause) -> Self {
        Self {
            framework,
            sessions: sessions.clone(),
            pause,
        }
    }

    /// Calls it without a connection, with this `Cookie` header.
    ///
    /// Whoever drops the future is a client that has gone away.
    pub(crate) async fn call(&self, request: &str, cookie: &[u8]) -> Answer {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        match self.framework {
            Framework::Axum => {
                let request = axum::http::Request::builder().method(method).uri(path);
                let request = request.header("cookie", cookie).body(Body::empty()).unwrap();
                let (parts, body) = self.axum().oneshot(request).await.unwrap().into_parts();
                let headers = parts.headers.iter();
                let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                answer(parts.status.as_u16(), headers, &body)
            }
            Framework::Actix => {
                let app = actix_web::App::new().configure(self.actix());
                let app = actix_web::test::init_service(app).await;
                let request = actix_web::test::TestRequest::with_uri(path)
                    .method(method.parse().unwrap())
                    .insert_header(("cookie", cookie));
                let response = app.call(request.to_request()).await;
                let response = response.map_or_else(HttpResponse::from, |response| {
                    ServiceResponse::into_parts(response).1.map_into_boxed_body()
                });
                let status = response.status().as_u16();
                let (head, body) = response.into_parts();
                let headers = head.headers().iter();
                let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
                let body = actix_web::body::to_bytes(body).await.unwrap();
                answer(status, headers, &body)
            }
        }
    }

    /// Serves it on a port of its own, and says how to stop it, unless it ends with the test's runtime.
    pub(crate) fn serve(&self) -> (SocketAddr, Option<ServerHandle>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        match self.framework {
            Framework::Axum => {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let server = axum::serve(listener, self.axum());
                tokio::spawn(async move { server.await.unwrap() });
                (address, None)
            }
            Framework::Actix => {
                let (this, said) = (self.clone(), Said::heard_here());
                let app = move || {
                    // This runs on the thread that serves.
                    said.iter().for_each(Said::listen);
                    actix_web::App::new().configure(this.actix())
                };
                let server = HttpServer::new(app)
                    .workers(2)
                    .disable_signals()
                    .h1_allow_half_closed(false)
                    // A slow machine is not a slow client.
                    .client_request_timeout(Duration::ZERO);
                let server = server.listen(listener).unwrap().run();
                let handle = server.handle();
                tokio::spawn(async move { server.await.unwrap() });
                (address, Some(handle))
            }
        }
    }

    fn axum(&self) -> Router {
        let more = handlers::axum::handlers(&self.sessions);
        app(&self.sessions, self.pause.clone()).merge(more)
    }

    fn actix(&self) -> impl FnOnce(&mut actix_web::web::ServiceConfig) {
        actix_app(&self.sessions, self.pause.clone(), handlers::actix::handlers)
    }
}

fn answer<'a>(status: u16, headers: impl Iterator<Item = (&'a str, &'a str)>, body: &[u8]) -> Answer {
    Answer {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
