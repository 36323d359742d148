//! The MySQL store on a real server: the contract, outages and other faults, tables, settings, and what it costs.

#![cfg(feature = "mysql")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod faults;
mod replicated;

mod full;

mod migrations;

mod settings;

mod counting;
mod crowds;
mod sweeping;

mod encryption;

mod cost;

mod fixture;
