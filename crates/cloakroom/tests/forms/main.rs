//! What a session does for forms, under each strategy: their tokens, and messages after a redirect.

#![cfg(all(feature = "disk", feature = "memory", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

mod browser;
mod flashes;
mod tokens;
