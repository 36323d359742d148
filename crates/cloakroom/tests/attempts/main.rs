//! Attempts at signing in: how often somebody may try, on every store that counts, and what a client sees of it.

#![cfg(all(feature = "axum", feature = "memory", feature = "testing"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod counting;
mod watched;

mod over_http;

#[cfg(feature = "actix")]
mod on_actix;
