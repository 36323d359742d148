//! It runs, and counts.

use visitor::{Program, assert_counts};

#[test]
fn each_browser_has_its_own_count() {
    assert_counts(&Program::start(env!("CARGO_BIN_EXE_counter-actix")));
}
