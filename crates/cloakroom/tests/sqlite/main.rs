//! The SQLite store: the contract, its file, other processes at it, damage, a full disk, and crashes.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod files;
mod schema;

mod damage;

mod neighbours;

#[cfg(target_os = "linux")]
mod mounts;

mod crash;

mod child;
mod fixture;
