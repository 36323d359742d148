//! The store in a Redis Cluster, on real ones.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;
