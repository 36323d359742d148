//! The PostgreSQL store on real servers: the contract, what goes wrong, and what it costs.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod faults;
mod full;
mod standby;

mod counting;
mod schema;
mod settings;
mod sweeping;
mod turns;

mod requests;

#[cfg(feature = "deadpool-postgres_v0_14")]
mod pool;

mod fixture;
mod proxy;
