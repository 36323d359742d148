//! The request suite: each invariant of the design, asked of the library from outside, on every store and
//! framework.
//!
//! Races are forced by barriers in handlers and gates in front of the store, never by sleeping. What a session
//! is afterwards is asked by a fresh request.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "a test is written where it is handed over"
)]

mod apps;
mod barriers;
mod browser;
mod encodings;
mod handlers;
mod ledger;
mod said;
mod servers;
mod stage;

mod no_lost_update;
mod no_resurrection;

mod no_fixation;
mod slow_neighbours;

mod outage;

mod nothing_for_nothing;
mod strange_cookies;

mod expiry;
mod periodic_rotation;

mod stolen_store;

mod revocation;

mod cancelled;

mod no_secret_leaks;

mod limits;

mod cached;
mod hybrid;
mod sealed;
mod strategies;

mod adapter;
mod program;
mod surface;
