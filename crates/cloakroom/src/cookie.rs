//! The session cookie, and the `Set-Cookie` lines made of it.

mod attributes;
mod builder;

use std::sync::Arc;
use std::time::Duration;

pub use attributes::{Prefix, SameSite};
pub use builder::CookieBuilder;

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
