//! The session that is measured: five keys, about 190 bytes of JSON.

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const USER: &str = "user-00000042";
pub(crate) const EMAIL: &str = "firstname.lastname.00000042@mail.example.com";
pub(crate) const CSRF: &str = "b2Zf0pYq1vXn8mJ3rT5sL7uK9wE4gH6dC1aS0iOQ7e4";
pub(crate) const THEME: &str = "dark-contrast";

/// A number that was never written before.
pub(crate) fn next_count() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(1_000);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_about_190_bytes_of_json() {
        let json = serde_json::json!({
            "user_id": USER, "email": EMAIL, "csrf": CSRF, "theme": THEME, "counter": 1_000,
        });
        let length = json.to_string().len();
        assert!((185..=195).contains(&length), "{length}");
    }
}
