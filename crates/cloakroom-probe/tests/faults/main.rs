//! What users notice when a store's server misbehaves: the rows of `docs/faults.md` that all stores share.
//!
//! `cargo xtask faults` makes the table of them.

#![allow(
    clippy::large_futures,
    reason = "each is made once, and a fault takes seconds"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

#[path = "../requests/browser.rs"]
#[allow(dead_code, reason = "the request suite uses more of it")]
mod browser;
mod load;
mod scenario;

mod cut;
mod failover;
mod killed;
mod lagging;
mod paused;
