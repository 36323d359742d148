//! Settings of the session cookie, checked against each other.

use super::{Cookie, Prefix, SameSite};
use crate::{Error, ErrorKind};

/// Settings of a [`Cookie`] that have not been checked yet.
#[derive(Debug, Clone)]
pub struct CookieBuilder {
    pub(super) name: String,
    pub(super) prefix: Prefix,
    pub(super) same_site: SameSite,
    pub(super) domain: Option<String>,
    pub(super) path: String,
    pub(super) partitioned: bool,
    pub(super) secure: bool,
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
