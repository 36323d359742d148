//! Without sessions: what all the others are compared with.

use axum::Router;
use axum::routing::{get, post};

use crate::data;

pub(super) fn app() -> Router {
    Router::new()
        .route("/begin", post(async || "begun"))
        .route("/unused", get(async || "nothing"))
        .route("/read", get(async || data::USER.to_owned()))
        .route("/write", post(write))
        .route("/sign-in", post(async || "signed in"))
}

async fn write() -> &'static str {
    std::hint::black_box(data::next_count());
    "written"
}
