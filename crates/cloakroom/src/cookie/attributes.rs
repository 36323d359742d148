//! What a cookie promises and where it goes along, in the words browsers know.

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
    pub(super) const fn as_str(self) -> &'static str {
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
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}
