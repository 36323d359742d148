//! Without sessions: what all the others are compared with.

use axum::Router;
use axum::routing::{get, post};

use crate::data;

/// The routes.
pub fn app() -> Router {
    Router::new()
        .route("/begin", post(async || "begun"))
        .route("/unused", get(async || "nothing"))
        .route("/read", get(async || data::USER.to_owned()))
        .route("/write", post(write))
        .route("/sign-in", post(sign_in))
}

async fn write() -> &'static str {
    std::hint::black_box(data::next_count());
    "written"
}

async fn sign_in() -> &'static str {
    std::hint::black_box(data::next_user());
    "signed in"
}
