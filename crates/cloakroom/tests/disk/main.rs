//! The disk store: the contract, its files, damage to them, crashes, and how its writer shares commits.

#![cfg(feature = "disk")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod files;

mod damage;

mod writer;

mod full;
#[cfg(target_os = "linux")]
mod read_only;

mod crash;

mod child;
mod fixture;
