//! A browser's `User-Agent` in a few words, for the list of devices.
//!
//! A table and not a parser crate: those answer with versions, engines and device models from a database of
//! a megabyte and hundreds of regular expressions, run over what any client sends. A list of devices needs
//! five words. They are all ours: nothing the client wrote reaches the label.

/// Says what it is in words: "Firefox on Linux", or "An unknown device".
pub(crate) fn words(user_agent: Option<&str>) -> String {
    let agent = user_agent.unwrap_or_default();
    match (first(BROWSERS, agent), first(SYSTEMS, agent)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown device".to_owned(),
    }
}

/// Whether these [`words`] are of something held in the hand.
pub(crate) fn is_handheld(words: &str) -> bool {
    ["iPhone", "iPad", "Android"]
        .iter()
        .any(|system| words.ends_with(system))
}

fn first(table: &[(&str, &'static str)], agent: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(mark, _)| agent.contains(mark))
        .map(|(_, name)| *name)
}

/// The first mark found decides. Nearly every browser claims to be Chrome, Safari or both as well, so those
/// come last, in this order.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
];

/// The first mark found decides: phones also claim to be the desktop systems they descend from.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_systems_are_named() {
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox on Linux",
        );
        check(
            "Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
            "Firefox on Android",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             FxiOS/145.0 Mobile/15E148 Safari/604.1",
            "Firefox on iPhone",
        );
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/142.0.0.0 Safari/537.36",
            "Chrome on Windows",
        );
        check(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
             HeadlessChrome/142.0.0.0 Safari/537.36",
            "Chrome on Linux",
        );
        check(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 \
             Mobile Safari/537.36",
            "Chrome on Android",
        );
        check(
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 \
             Safari/537.36",
            "Chrome on ChromeOS",
        );
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        );
        check(
            "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) \
             SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/26.1 Safari/605.1.15",
            "Safari on Mac",
        );
        check(
            "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/26.1 Mobile/15E148 Safari/604.1",
            "Safari on iPad",
        );
        check("curl/8.14.1", "curl");
    }

    #[test]
    fn what_is_not_known_is_said_without_repeating_it() {
        check("", "An unknown device");
        check("<script>alert(1)</script>", "An unknown device");
        check("Mozilla/5.0 (X11; Linux x86_64) Ladybird", "A browser on Linux");
        assert_eq!(words(None), "An unknown device");
    }

    fn check(user_agent: &str, expected: &str) {
        assert_eq!(words(Some(user_agent)), expected, "{user_agent}");
    }
}
