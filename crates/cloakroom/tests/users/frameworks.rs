//! Runs a test on each framework: an application on one is asked as one on another.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use cloakroom::Sessions;
use cloakroom::testing::ManualClock;
use tower_service::Service as _;

use crate::strategies::{Named, on_every_strategy};

/// What an application is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Framework {
    Axum,
    #[cfg(feature = "actix")]
    Actix,
}

const FRAMEWORKS: &[(Framework, &str)] = &[
    (Framework::Axum, "axum"),
    #[cfg(feature = "actix")]
    (Framework::Actix, "actix-web"),
];

/// Runs a test on every framework, under every strategy.
pub(crate) async fn everywhere(test: impl AsyncFn(Framework, Sessions, ManualClock)) {
    on_every_strategy(async |sessions, clock| {
        for (framework, name) in FRAMEWORKS {
            let _named = Named(name);
            test(*framework, sessions.clone(), clock.clone()).await;
        }
    })
    .await;
}

/// An application with its sessions.
#[derive(Clone)]
pub(crate) enum App {
    Axum(Router),
    #[cfg(feature = "actix")]
    Actix(crate::on_actix::App),
}

impl App {
    pub(crate) async fn answer(&mut self, request: Request<Body>) -> Response<Vec<u8>> {
        match self {
            Self::Axum(app) => {
                let (parts, body) = app.call(request).await.unwrap().into_parts();
                let body = to_bytes(body, 1 << 20).await.unwrap();
                Response::from_parts(parts, body.to_vec())
            }
            #[cfg(feature = "actix")]
            Self::Actix(app) => app.answer(request).await,
        }
    }
}

impl From<&Router> for App {
    fn from(app: &Router) -> Self {
        Self::Axum(app.clone())
    }
}

impl From<&App> for App {
    fn from(app: &App) -> Self {
        app.clone()
    }
}
