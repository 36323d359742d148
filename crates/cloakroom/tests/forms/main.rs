//! What a session does for forms, under each strategy: their tokens.

#![cfg(all(feature = "disk", feature = "memory", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

mod browser;
mod tokens;
