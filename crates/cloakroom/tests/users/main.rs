//! The signed-in user, as an application meets them: each test an application and the browsers that use it, under each
//! strategy; on axum, and on actix-web what is about extractors.

#![cfg(all(feature = "axum", feature = "memory", feature = "testing"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

mod browser;
mod failing;
mod frameworks;
#[path = "../events/log.rs"]
#[allow(dead_code, reason = "the walk through all events uses more of it")]
mod log;
#[cfg(feature = "actix")]
mod on_actix;
mod strategies;

mod anonymous;
mod authentication;
mod guard;
mod guarded_user;
mod lifecycle;
mod users;
mod warned;
