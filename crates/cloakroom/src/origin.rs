//! Web origins: a scheme, a host and a port, in the one spelling that browsers send.

use std::fmt;

use crate::{Error, ErrorKind};

/// A web origin (RFC 6454 §6.2), such as `https://shop.example`.
///
/// Displayed as browsers send it: in lower case, and with a port only where that is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Origin {
    /// Reads an origin as a person writes it: in any case, with the scheme's own port, or with a slash at its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for anything that no browser sends, and so would never match.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let without_slash = text.strip_suffix('/').filter(|rest| !rest.ends_with('/'));
        let spelled = without_slash.unwrap_or(text).to_ascii_lowercase();
        Self::split(&spelled).map_err(|why| {
            Error::new(
                ErrorKind::Invalid,
                format!("{text:?} is not an origin, such as \"https://shop.example\": {why}"),
            )
        })
    }

    /// Reads the value of an `Origin` header; anything but the one spelling of an origin is none.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let origin = Self::split(text).ok()?;
        (origin.to_string() == text).then_some(origin)
    }

    /// Whether the value of a `Host` header names this origin's host and port.
    ///
    /// A `Host` does not say the scheme, so one without a port is taken for the scheme's own.
    pub(crate) fn is_at(&self, host: &[u8]) -> bool {
        let Ok(host) = std::str::from_utf8(host) else {
            return false;
        };
        let (name, port) = split_port(host);
        let port = match port {
            None => Some(self.scheme.port()),
            Some(digits) => read_port(digits),
        };
        port == Some(self.port) && name.eq_ignore_ascii_case(&self.host)
    }

    fn split(text: &str) -> Result<Self, &'static str> {
        if !text.is_ascii() {
            return Err("browsers send such a name in punycode (xn--…)");
        }
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(_) => return Err("its scheme is neither http nor https"),
            None if text == "null" => return Err("any sandboxed page of anybody's sends that"),
            None => return Err("it begins with neither http:// nor https://"),
        };
        if rest.contains(['/', '?', '#', '\\']) {
            return Err("it has more than a scheme, a host and a port");
        }
        if rest.contains('@') {
            return Err("it has a user name");
        }
        let (host, port) = split_port(rest);
        let port = match port {
            None => scheme.port(),
            Some(digits) => read_port(digits).ok_or("its port is not a number from 1 to 65535")?,
        };
        check_host(host)?;
        Ok(Self {
            scheme,
            host: host.into(),
            port,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != self.scheme.port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl Scheme {
    /// The port that is not written.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host, and the digits after its colon. The colons of an IPv6 address stand in brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let name_ends = text.rfind(']').map_or(0, |bracket| bracket + 1);
    match text[name_ends..].find(':') {
        Some(colon) => {
            let (host, port) = text.split_at(name_ends + colon);
            (host, Some(&port[1..]))
        }
        None => (text, None),
    }
}

/// A port in its one spelling.
fn read_port(digits: &str) -> Option<u16> {
    let port = digits.parse::<u16>().ok().filter(|port| *port > 0)?;
    (port.to_string() == digits).then_some(port)
}

/// Refuses a host that no browser sends. Of IPv6 addresses only the letters are looked at.
fn check_host(host: &str) -> Result<(), &'static str> {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or("its IPv6 address has no end")?;
        let is_address = address.contains(':') && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
        return if is_address {
            Ok(())
        } else {
            Err("its IPv6 address is none")
        };
    }
    // A name may end with a dot, and is then another one than without.
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() {
        return Err("it has no host");
    }
    if host.contains('*') {
        return Err("there are no patterns: name each origin");
    }
    let label = |label: &str| {
        let sign =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(sign)
    };
    if host.len() > 253 || !name.split('.').all(label) {
        return Err("its host is not a name of letters, digits, '-' and '_'");
    }
    // WHATWG URL: a host whose last part is a number is an IPv4 address, and is sent as four numbers.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit()) || label.starts_with("0x");
    let octet = |label: &str| label.parse::<u8>().is_ok_and(|octet| octet.to_string() == label);
    let ends_in_number = name.rsplit('.').next().is_some_and(is_number);
    if ends_in_number && !(host.split('.').count() == 4 && host.split('.').all(octet)) {
        return Err("its IPv4 address is not four numbers");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_person_writes_becomes_what_a_browser_sends() {
        let check = |written: &str, sent: &str| {
            assert_eq!(Origin::parse(written).unwrap().to_string(), sent, "{written}");
            assert_eq!(Origin::read(sent.as_bytes()), Origin::parse(written).ok());
        };
        check("https://shop.example", "https://shop.example");
        check("HTTPS://Shop.Example", "https://shop.example");
        check("https://shop.example/", "https://shop.example");
        check("https://shop.example:443", "https://shop.example");
        check("https://shop.example:8443", "https://shop.example:8443");
        check("http://localhost:80", "http://localhost");
        check("http://localhost:443", "http://localhost:443");
        check("https://shop.example.", "https://shop.example.");
        check("https://xn--bcher-kva.example", "https://xn--bcher-kva.example");
        check("http://127.0.0.1:3000", "http://127.0.0.1:3000");
        check("http://[::1]:3000", "http://[::1]:3000");
        check("http://[2001:DB8::A]", "http://[2001:db8::a]");
        check("https://my_shop.example", "https://my_shop.example");
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_a_reason() {
        let check = |written: &str, why: &str| {
            let error = Origin::parse(written).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(why), "{written}: {error}");
        };
        check("", "neither http://");
        check("null", "sandboxed");
        check("shop.example", "neither http://");
        check("//shop.example", "neither http://");
        check("ftp://shop.example", "neither http nor https");
        check("https://", "no host");
        check("https://.", "no host");
        check("https://:443", "no host");
        check("https://shop.example/pay", "more than");
        check("https://shop.example//", "more than");
        check("https://shop.example?a", "more than");
        check("https://shop.example#a", "more than");
        check("https://shop.example\\", "more than");
        check("https://ada@shop.example", "user name");
        check("https://*.shop.example", "no patterns");
        check("https://shop.example:*", "port");
        check("https://shop.example:", "port");
        check("https://shop.example:0", "port");
        check("https://shop.example:0443", "port");
        check("https://shop.example:65536", "port");
        check("https://shop..example", "letters");
        check("https://shop example", "letters");
        check(" https://shop.example", "neither");
        check("https://shop.example ", "letters");
        check("https://bücher.example", "punycode");
        check("http://127.1", "four numbers");
        check("http://0x7f.0.0.0x1", "four numbers");
        check("http://127.0.0.01", "four numbers");
        check("http://127.0.0.1.", "four numbers");
        check("http://[::1", "port");
        check("http://[1", "no end");
        check("http://[1]", "none");
        check("http://[::1%25eth0]", "none");
    }

    #[test]
    fn a_header_has_one_spelling_of_an_origin() {
        let check = |sent: &str| assert_eq!(Origin::read(sent.as_bytes()), None, "{sent:?}");
        check("https://Shop.example");
        check("HTTPS://shop.example");
        check("https://shop.example/");
        check("https://shop.example:443");
        check("https://shop.example@evil.example");
        check("https://shop.example, https://shop.example");
        check(" https://shop.example");
        check("null");
        check("");
        assert_eq!(Origin::read(b"https://shop\xff.example"), None);
    }

    #[test]
    fn a_host_names_an_origin_by_name_and_port() {
        let check = |origin: &str, host: &str, expected: bool| {
            let origin = Origin::parse(origin).unwrap();
            assert_eq!(origin.is_at(host.as_bytes()), expected, "{origin} at {host:?}");
        };
        check("https://shop.example", "shop.example", true);
        check("https://shop.example", "SHOP.example", true);
        check("https://shop.example", "shop.example:443", true);
        check("https://shop.example", "shop.example:80", false);
        check("http://shop.example", "shop.example", true);
        check("https://shop.example:8443", "shop.example:8443", true);
        check("https://shop.example:8443", "shop.example", false);
        check("https://shop.example", "shop.example:8443", false);
        check("https://shop.example", "shop.example:", false);
        check("https://shop.example", "shop.example.", false);
        check("https://shop.example.", "shop.example", false);
        check("https://shop.example", "evil.example", false);
        check("https://shop.example", "ada@shop.example", false);
        check("https://shop.example", "", false);
        check("http://[::1]:3000", "[::1]:3000", true);
        check("http://[::1]:3000", "[::1]", false);
        check("http://[::1]", "[::1]", true);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}") {
            let _ = Origin::parse(&text);
            let _ = Origin::parse("https://a").unwrap().is_at(text.as_bytes());
        }

        #[test]
        fn what_reads_is_spelled_as_it_was(text in "https?://[a-z0-9.\\[\\]:_-]{1,12}(:[0-9]{1,5})?") {
            if let Some(origin) = Origin::read(text.as_bytes()) {
                prop_assert_eq!(origin.to_string(), text);
            }
        }
    }
}
