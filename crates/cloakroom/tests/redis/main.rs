//! The redis store, on real servers: the contract, what goes wrong, and how much it sends.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod parts;

mod options;

mod encrypted;

mod requests;

mod faults;
mod watched_faults;

mod counting;
mod failover;
mod sentinels;
mod woken;

mod sealed;

#[cfg(feature = "cached")]
mod tracking;
#[cfg(feature = "cached")]
mod tracking_failover;

mod fixture;
mod watched;
