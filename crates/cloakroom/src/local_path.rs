//! Where to go on after signing in: a place of this application, whatever a link says.

use std::fmt;

/// A path of this application, with its query: where to send a browser that must not be sent anywhere else.
///
/// What comes from a form or a query may have been made up by somebody else, and a redirect to `//evil.example` or
/// `/\evil.example` leaves the site.
///
/// ```
/// use cloakroom::LocalPath;
///
/// assert_eq!(LocalPath::parse("/cart?page=2").unwrap().as_str(), "/cart?page=2");
/// for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "cart"] {
///     assert!(LocalPath::parse(elsewhere).is_none());
/// }
/// assert_eq!(LocalPath::default().as_str(), "/");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalPath(String);

impl LocalPath {
    /// The longest path, in bytes: servers and proxies refuse much longer ones.
    pub const MAX_LEN: usize = 2048;

    /// The path, as it stands after percent-decoding of the field it came in; `None` unless it begins with one `/`, is
    /// written in visible ASCII without a backslash, and is at most [`Self::MAX_LEN`] bytes long.
    ///
    /// Browsers take a backslash for a slash, and leave out tabs and line feeds (WHATWG URL §4.4), so that not only
    /// two slashes at the beginning lead away.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let is_local = text.len() <= Self::MAX_LEN
            && text.starts_with('/')
            && !text.starts_with("//")
            && text.bytes().all(visible);
        is_local.then(|| Self(text.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where to send a browser to sign in, this being the page for it, instead of where it wanted to go, and whether from
    /// there back. `None` where that is this page itself: the browser would go round for ever.
    #[cfg_attr(
        not(any(feature = "actix", feature = "tower")),
        allow(dead_code, reason = "it is for adapters")
    )]
    pub(crate) fn instead_of(&self, asked: &str, goes_back: bool) -> Option<String> {
        if path(&self.0) == path(asked) {
            return None;
        }
        Some(match Self::parse(asked).filter(|_| goes_back) {
            Some(asked) => self.and_then(&asked),
            None => self.0.clone(),
        })
    }

    /// This page, with a query that says where to go on afterwards.
    fn and_then(&self, next: &Self) -> String {
        let joint = if self.0.contains('?') { '&' } else { '?' };
        let mut text = format!("{self}{joint}next=");
        for byte in next.0.bytes() {
            // What a query's value may hold as it is in every reader of forms (WHATWG URL §5.2), and slashes.
            if byte.is_ascii_alphanumeric() || b"-._/".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
        text
    }
}

/// A path without its query and fragment.
fn path(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or_default()
}

impl Default for LocalPath {
    /// The front page.
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn only_a_path_of_this_application_is_one() {
        let check = |text: &str, local: bool| {
            assert_eq!(LocalPath::parse(text).is_some(), local, "{text:?}");
        };
        for local in [
            "/",
            "/cart",
            "/cart/",
            "/cart?page=2&next=//evil.example",
            "/a//b",
            "/%2F/evil.example",
            "/@evil.example",
            "/.//evil.example",
            "/https://evil.example",
            "/#fragment",
        ] {
            check(local, true);
        }
        for elsewhere in [
            "",
            "cart",
            "?next",
            "#fragment",
            "//",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "\\\\evil.example",
            "/cart\\..\\",
            "https://evil.example",
            "https:evil.example",
            "HTTPS:/evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "user:password@evil.example",
            "xn--evl-tma.example",
            " /cart",
            "/cart ",
            "\t//evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r/evil.example",
            "/\0",
            "/\x7f",
            "/cart\r\nSet-Cookie: x=y",
            "/café",
            "/\u{2028}",
            "\u{feff}/cart",
            "/\u{ff0f}evil.example",
        ] {
            check(elsewhere, false);
        }
        check(&format!("/{}", "x".repeat(LocalPath::MAX_LEN - 1)), true);
        check(&format!("/{}", "x".repeat(LocalPath::MAX_LEN)), false);
    }

    proptest! {
        #[test]
        fn no_path_leads_browsers_to_another_host(text in r"/[/\\.@:?#%a \t\r\n]{0,8}") {
            let site = Url::parse("https://shop.example/sign-in").expect("it is a URL");
            let Some(path) = LocalPath::parse(&text) else {
                return Ok(());
            };
            let resolved = site.join(path.as_str());
            let origin = resolved.map(|url| url.origin());
            prop_assert_eq!(origin, Ok(site.origin()));
        }

        #[test]
        fn where_to_go_on_reads_back_from_the_query(text in "/[ -~]{0,20}") {
            let page = LocalPath::parse("/sign-in?a=b").expect("it is local");
            let Some(asked) = LocalPath::parse(&text) else {
                return Ok(());
            };
            let site = Url::parse("https://shop.example/").expect("it is a URL");
            let url = site.join(&page.and_then(&asked)).expect("it is a path");
            let query: Vec<_> = url.query_pairs().collect();
            prop_assert_eq!(&query[1], &("next".into(), text.into()));
            prop_assert_eq!(query.len(), 2);
        }
    }

    #[test]
    fn whoever_is_to_sign_in_is_sent_there_and_back() {
        let check = |page: &str, asked: &str, goes_back: bool, expected: Option<&str>| {
            let page = LocalPath::parse(page).expect("it is local");
            assert_eq!(page.instead_of(asked, goes_back).as_deref(), expected);
        };
        check("/sign-in", "/", true, Some("/sign-in?next=/"));
        check("/sign-in?a=b", "/cart", true, Some("/sign-in?a=b&next=/cart"));
        check("/sign-in", "/cart", false, Some("/sign-in"));
        check("/sign-in", "//evil.example", true, Some("/sign-in"));
        check("/sign-in?a=b", "/sign-in?next=/cart", true, None);
        check(
            "/sign-in",
            "/a?b=c&next=//d+e%20",
            true,
            Some("/sign-in?next=/a%3Fb%3Dc%26next%3D//d%2Be%2520"),
        );
    }
}
