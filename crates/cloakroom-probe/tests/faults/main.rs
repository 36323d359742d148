//! What users notice when a store's server misbehaves: the rows of `docs/faults.md` that all stores share.
//!
//! `cargo xtask faults` makes the table of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the answer"
)]

#[path = "../requests/browser.rs"]
#[allow(dead_code, reason = "the request suite uses more of it")]
mod browser;
mod load;
mod scenario;

use scenario::{MayLose, Scenario};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = Scenario {
        fault: "nothing",
        store: "disk",
        url: format!("disk:{}", directory.path().display()),
        may_lose: MayLose::Nothing,
        away: || (),
        back: || (),
    };
    scenario.play().await;
}
