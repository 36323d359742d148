//! The PostgreSQL store on real servers: the contract, what goes wrong, and what it costs.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod faults;
mod full;

mod schema;
mod settings;

mod requests;

mod fixture;
mod proxy;
