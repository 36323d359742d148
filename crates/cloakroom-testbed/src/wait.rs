//! Waits for what a server does by itself.

use std::time::{Duration, Instant};

/// Waits for something that a server does by itself.
///
/// # Panics
///
/// When it takes longer than it may on a busy machine.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "waited for {what} for a minute"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
