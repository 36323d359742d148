//! The memcached store, on real servers: the contract, what goes wrong, and what it asks them.

#![cfg(feature = "memcached")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod opening;

mod requests;

mod memory;

mod outages;

mod several;

mod answers;

mod fixture;
mod proxy;
