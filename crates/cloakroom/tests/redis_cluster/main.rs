//! The store in a Redis Cluster, on real ones: the contract, what it sends where, and what goes wrong.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![allow(clippy::panic, reason = "in a test a panic is the answer")]

mod conformance;

mod options;

mod faults;

mod encrypted;

mod requests;

mod filings;

mod migration;

mod failover;

mod fixture;
