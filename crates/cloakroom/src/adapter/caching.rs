//! Which caching headers keep one user's page from another, however the session was used.

/// What `Cache-Control` says where nothing of its own keeps a page to one user.
pub(crate) const NO_STORE: &str = "no-store";

/// What is added to `Vary`, unless it is there.
pub(crate) const BY_COOKIE: &str = "Cookie";

/// Whether a value of `Cache-Control` keeps the page to one user.
pub(crate) fn is_private(value: &[u8]) -> bool {
    says(value, &["no-store", "private"])
}

/// Whether a value of `Vary` tells visitors with different cookies apart.
pub(crate) fn varies_by_cookie(value: &[u8]) -> bool {
    says(value, &["cookie", "*"])
}

/// Whether one of these words is on a header's list.
fn says(value: &[u8], words: &[&str]) -> bool {
    value.split(|byte| *byte == b',').any(|word| {
        let word = word.trim_ascii();
        words.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_lists_in_any_case_and_whole() {
        for value in [
            "no-store",
            "Private",
            "max-age=60 , PRIVATE",
            "private,max-age=60",
        ] {
            assert!(is_private(value.as_bytes()), "{value:?}");
        }
        for value in ["", "public", "private-ish", "max-age=60", "no-cache"] {
            assert!(!is_private(value.as_bytes()), "{value:?}");
        }
        for value in ["*", "Cookie", "Accept, cookie"] {
            assert!(varies_by_cookie(value.as_bytes()), "{value:?}");
        }
        for value in ["", "Accept", "Cookie2", "Set-Cookie"] {
            assert!(!varies_by_cookie(value.as_bytes()), "{value:?}");
        }
    }
}
