//! The session cookie's name and attributes, and the `Set-Cookie` lines made of them.

use std::sync::Arc;
use std::time::Duration;

use crate::{Error, ErrorKind};

/// The session cookie: its name and attributes, in a combination that browsers accept.
///
/// The default is `__Host-session; Path=/; Secure; HttpOnly; SameSite=Lax`: sent to this host only, over
/// TLS only, out of reach of scripts, and not along with cross-site posts (RFC 6265bis §4.1.3, OWASP ASVS 3.3).
/// It is always `HttpOnly`. Settings that contradict each other are refused when it is built.
///
/// Browsers do not tell the ports of a host apart: two programs on localhost need two names, or each signs the
/// other's users out.
///
/// ```
/// use cloakroom::{Cookie, SameSite};
///
/// let cookie = Cookie::builder("shop").same_site(SameSite::Strict).build()?;
/// assert_eq!(cookie.name(), "__Host-shop");
/// # Ok::<(), cloakroom::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    name: Arc<str>,
    /// Everything after value and `Max-Age`, as it is sent.
    attributes: Arc<str>,
}

impl Cookie {
    /// The most bytes of name and value a browser keeps (RFC 6265bis §5.7).
    pub const MAX_LEN: usize = 4096;

    /// Begins a cookie of this name; a prefix such as `__Host-` is added by [`CookieBuilder::prefix`].
    pub fn builder(name: &str) -> CookieBuilder {
        CookieBuilder {
            name: name.to_owned(),
            prefix: Prefix::Host,
            same_site: SameSite::Lax,
            domain: None,
            path: "/".to_owned(),
            partitioned: false,
            secure: true,
        }
    }

    /// The name as the browser has it, prefix and all.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One with the same attributes beside this one: its name is longer by a suffix.
    pub(crate) fn beside(&self, suffix: &str) -> Self {
        Self {
            name: format!("{}{suffix}", self.name).into(),
            attributes: Arc::clone(&self.attributes),
        }
    }

    /// The value of a `Set-Cookie` header that hands out a value: a token, or a sealed session.
    ///
    /// Without `lives_for` the cookie ends with the browser. Expiry is the server's business either way.
    pub(crate) fn set(&self, value: &str, lives_for: Option<Duration>) -> String {
        let mut line = String::with_capacity(self.name.len() + value.len() + self.attributes.len() + 24);
        line.push_str(&self.name);
        line.push('=');
        line.push_str(value);
        if let Some(lives_for) = lives_for {
            line.push_str("; Max-Age=");
            line.push_str(&lives_for.as_secs().to_string());
        }
        line.push_str(&self.attributes);
        line
    }

    /// The value of a `Set-Cookie` header that removes the cookie: the same name, path, domain and flags, or a
    /// browser would keep it.
    pub(crate) fn removal(&self) -> String {
        format!("{}=; Max-Age=0{}", self.name, self.attributes)
    }
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "__Host-session".into(),
            attributes: "; Path=/; Secure; HttpOnly; SameSite=Lax".into(),
        }
    }
}

/// Settings of a [`Cookie`] that have not been checked yet.
#[derive(Debug, Clone)]
pub struct CookieBuilder {
    name: String,
    prefix: Prefix,
    same_site: SameSite,
    domain: Option<String>,
    path: String,
    partitioned: bool,
    secure: bool,
}

impl CookieBuilder {
    /// Sets the prefix, a promise about its attributes that the browser enforces. `__Host-` by default.
    #[must_use]
    pub fn prefix(mut self, prefix: Prefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Sets whether the cookie goes along with requests that other sites cause. `Lax` by default.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Shares the cookie with all hosts of a domain. Every one of them can then read and replace it.
    ///
    /// Needs [`Prefix::Secure`] or [`Prefix::None`].
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = Some(domain.to_owned());
        self
    }

    /// Sends the cookie to paths below this one only. Needs [`Prefix::Secure`] or [`Prefix::None`].
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Keeps a cookie of its own for each site that embeds the application (CHIPS).
    #[must_use]
    pub fn partitioned(mut self) -> Self {
        self.partitioned = true;
        self
    }

    /// Drops `Secure`: whoever is on the network can then take over every session. Needs [`Prefix::None`].
    ///
    /// Not needed for `http://localhost`, where Chromium and Firefox accept secure cookies.
    #[must_use]
    pub fn danger_allow_http(mut self) -> Self {
        self.secure = false;
        self
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`], saying which setting does not fit, for a cookie that a browser would reject or
    /// that is not what its prefix promises (RFC 6265bis §4.1.3).
    pub fn build(self) -> Result<Cookie, Error> {
        let wrong = |what: &str| {
            Err(Error::new(
                ErrorKind::Invalid,
                format!("the session cookie: {what}"),
            ))
        };
        let name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(name_byte) {
            return wrong("a name is 1 to 64 letters, digits, '-', '_' and '.'");
        }
        if self.name.starts_with("__") {
            return wrong("the prefix is a setting of its own, not a part of the name");
        }
        let host_only = matches!(self.prefix, Prefix::Host | Prefix::HostHttp);
        if host_only && self.domain.is_some() {
            return wrong("one with a __Host- prefix has no Domain");
        }
        if host_only && self.path != "/" {
            return wrong("one with a __Host- prefix has Path=/");
        }
        if !self.secure && self.prefix != Prefix::None {
            return wrong("one with a prefix is Secure");
        }
        if !self.secure && self.same_site == SameSite::None {
            return wrong("SameSite=None needs Secure");
        }
        if !self.secure && self.partitioned {
            return wrong("Partitioned needs Secure");
        }
        let path_byte = |byte: u8| byte.is_ascii_graphic() && byte != b';' && byte != b',';
        if !self.path.starts_with('/') || self.path.len() > 1024 || !self.path.bytes().all(path_byte) {
            return wrong("a path begins with '/' and has no spaces, ';', ',' or control characters");
        }
        let domain_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let is_domain = |domain: &str| (1..=253).contains(&domain.len()) && domain.bytes().all(domain_byte);
        if self.domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            return wrong("a domain is letters, digits, '-' and '.'");
        }
        let mut attributes = format!("; Path={}", self.path);
        if let Some(domain) = &self.domain {
            attributes.push_str("; Domain=");
            attributes.push_str(domain);
        }
        if self.secure {
            attributes.push_str("; Secure");
        }
        attributes.push_str("; HttpOnly; SameSite=");
        attributes.push_str(self.same_site.as_str());
        if self.partitioned {
            attributes.push_str("; Partitioned");
        }
        let name = format!("{}{}", self.prefix.as_str(), self.name);
        Ok(Cookie {
            name: name.into(),
            attributes: attributes.into(),
        })
    }
}

/// A promise in a cookie's name that the browser enforces (RFC 6265bis §4.1.3, layered cookies §4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Prefix {
    /// `__Host-`: Secure, this host only, every path.
    #[default]
    Host,
    /// `__Host-Http-`: that, and set by a server. Enforced by Chromium 140 and later, a `__Host-` elsewhere.
    HostHttp,
    /// `__Secure-`: Secure. For a cookie shared between the hosts of a domain.
    Secure,
    /// No promise: another host of the domain, or whoever is on the network, can set it.
    None,
}

impl Prefix {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "__Host-",
            Self::HostHttp => "__Host-Http-",
            Self::Secure => "__Secure-",
            Self::None => "",
        }
    }
}

/// Whether a cookie goes along with requests that other sites cause (RFC 6265bis §5.6.7).
// Complete: the RFC knows these three.
#[allow(clippy::exhaustive_enums)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameSite {
    /// Never: who follows a link from elsewhere arrives signed out.
    Strict,
    /// Only when the user navigates to the site.
    #[default]
    Lax,
    /// Always. Needs Secure, and protection against cross-site requests.
    None,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_store::Id;

    use super::*;
    use crate::token::{Secret, Token};

    fn builder() -> CookieBuilder {
        Cookie::builder("id")
    }

    #[test]
    fn only_what_a_browser_accepts_can_be_built() {
        let check = |builder: CookieBuilder, expected: Option<&str>| {
            let built = builder.clone().build().map(|cookie| cookie.removal());
            assert_eq!(built.ok().as_deref(), expected, "{builder:?}");
        };
        check(
            builder(),
            Some("__Host-id=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"),
        );
        check(
            builder()
                .prefix(Prefix::HostHttp)
                .same_site(SameSite::Strict)
                .partitioned(),
            Some("__Host-Http-id=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict; Partitioned"),
        );
        check(
            builder()
                .prefix(Prefix::Secure)
                .domain("example.com")
                .path("/app")
                .same_site(SameSite::None),
            Some("__Secure-id=; Max-Age=0; Path=/app; Domain=example.com; Secure; HttpOnly; SameSite=None"),
        );
        check(
            builder().prefix(Prefix::None).danger_allow_http(),
            Some("id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"),
        );
        check(builder().domain("example.com"), None);
        check(builder().path("/app"), None);
        check(builder().danger_allow_http(), None);
        check(builder().prefix(Prefix::Secure).danger_allow_http(), None);
        check(
            builder()
                .prefix(Prefix::None)
                .danger_allow_http()
                .same_site(SameSite::None),
            None,
        );
        check(
            builder().prefix(Prefix::None).danger_allow_http().partitioned(),
            None,
        );
        check(Cookie::builder(""), None);
        check(Cookie::builder("__Host-id"), None);
        for injected in ["a b", "a;b", "a=b", "a\r\nb", "é", "a%41", "a\0"] {
            check(Cookie::builder(injected), None);
            check(builder().prefix(Prefix::Secure).domain(injected), None);
            check(builder().prefix(Prefix::Secure).path(injected), None);
        }
    }

    #[test]
    fn a_token_is_handed_out_with_the_default_attributes() {
        let token = Token {
            id: Id::from_bytes([0; 16]),
            secret: Secret::from_bytes(&[0; 32]),
        };
        let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";
        let value = format!("__Host-session=1{}", "A".repeat(64));
        assert_eq!(
            Cookie::default().set(&token.text(), None),
            format!("{value}{attributes}")
        );
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(
            Cookie::default().set(&token.text(), day),
            format!("{value}; Max-Age=86400{attributes}")
        );
        assert_eq!(
            builder().build().unwrap().attributes,
            Cookie::default().attributes
        );
    }
}
