//! The near cache: what it may answer with a copy, for how long, and what it never does.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod feed;
mod races;
mod room;
mod sessions;
mod staleness;

mod fixture;
mod slow;
