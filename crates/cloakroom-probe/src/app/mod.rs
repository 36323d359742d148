//! The surface: the same routes and answers, whatever framework serves them.

mod routes;

mod actix;
mod axum;

pub use actix::actix_app;
pub use axum::app;
