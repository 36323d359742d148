//! The session that is measured: five keys, about 190 bytes of JSON.

use std::sync::atomic::{AtomicU64, Ordering};

/// Who is signed in.
pub const USER: &str = "user-00000042";
/// Their address.
pub const EMAIL: &str = "firstname.lastname.00000042@mail.example.com";
/// What their forms carry.
pub const CSRF: &str = "b2Zf0pYq1vXn8mJ3rT5sL7uK9wE4gH6dC1aS0iOQ7e4";
/// What they like.
pub const THEME: &str = "dark-contrast";

/// A number that was never written before.
pub fn next_count() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(1_000);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// Somebody who has not signed in before.
pub fn next_user() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1_000);
    format!("user-{:08}", COUNT.fetch_add(1, Ordering::Relaxed))
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
