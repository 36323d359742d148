//! Which path is which page, and what stands before all of them.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use cloakroom::{CrossSite, Sessions};
use tower_http::catch_panic::CatchPanicLayer;

use super::Shop;
use super::{dress, headers, pages, style};

/// The shop with its sessions.
pub(crate) fn router(shop: Shop, sessions: &Sessions) -> Router {
    Router::new()
        .route("/", get(pages::shop::show))
        .route("/cart", get(pages::cart::show))
        .route("/cart/add", post(pages::cart::add))
        .route("/cart/take", post(pages::cart::take))
        .route("/cart/remove", post(pages::cart::remove))
        .route("/checkout", post(pages::checkout::buy))
        .route("/thank-you", get(pages::checkout::thank))
        .route("/sign-up", get(pages::sign_up::show).post(pages::sign_up::submit))
        .route("/sign-in", get(pages::sign_in::show).post(pages::sign_in::submit))
        .route("/sign-out", post(pages::account::sign_out))
        .route("/account", get(pages::account::show))
        .route("/account/end", post(pages::account::end))
        .route("/account/end-others", post(pages::account::end_others))
        .layer(sessions.layer())
        // From here on nothing uses the session.
        .route(&style::path(), get(style::serve))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(DefaultBodyLimit::max(16 * 1024))
        .layer(CatchPanicLayer::new())
        // Forms from other sites. Around everything, the form that signs in included.
        .layer(CrossSite::default().layer())
        .layer(from_fn(dress::dress))
        .layer(from_fn(headers::protect))
        .with_state(shop)
}
