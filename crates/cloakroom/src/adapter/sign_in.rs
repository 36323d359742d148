//! Who is sent to where one signs in, and from there back, instead of being told 401.

use crate::Sessions;

/// Marks a response that asks for a sign-in.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(any(feature = "actix", feature = "axum")),
    allow(dead_code, reason = "responses are marked where errors become some")
)]
pub(crate) struct AsksForSignIn;

/// Whether a request could be sent to another page, by the values of its `Accept`: not where there is no page to sign in
/// at, and not a script.
pub(crate) fn can_be_sent<'a>(sessions: &Sessions, mut accepts: impl Iterator<Item = &'a [u8]>) -> bool {
    sessions.config.sign_in_page.is_some() && accepts.any(is_html)
}

/// Where to send a browser that wanted to go to this path and query; `None` where that is the page to sign in at itself.
pub(crate) fn location(sessions: &Sessions, method: &str, asked: &str) -> Option<String> {
    let page = sessions.config.sign_in_page.as_ref()?;
    // What is no reading is not done again.
    page.instead_of(asked, matches!(method, "GET" | "HEAD"))
}

/// Whether a page is an answer: browsers say so when they navigate, and scripts rarely.
fn is_html(accept: &[u8]) -> bool {
    const HTML: &[u8] = b"text/html";
    accept.windows(HTML.len()).any(|part| part == HTML)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_that_navigate_accept_pages_and_scripts_do_not() {
        for accept in [
            "text/html",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/json, text/html",
        ] {
            assert!(is_html(accept.as_bytes()), "{accept:?}");
        }
        for accept in ["", "*/*", "text/*", "application/json", "text/htm"] {
            assert!(!is_html(accept.as_bytes()), "{accept:?}");
        }
    }
}
