//! Cross-site requests: whether a request that changes something was caused by a page of this site.

use std::fmt;
use std::sync::Arc;

use crate::origin::Origin;
use crate::{Error, ErrorKind, events};

/// Refuses requests that another site made a browser send: cross-site request forgery.
///
/// A browser adds the user's cookie to whatever a page makes it send. This tells who made it, by what the browser
/// itself says: `Sec-Fetch-Site` ([Fetch Metadata]) and, where that is absent, `Origin`. There is nothing to put into
/// forms. Put its layer (`layer` with feature `tower`, `middleware` with `actix`) around everything, forms that sign somebody in
/// included.
///
/// ```
/// # fn f() -> Result<(), cloakroom::Error> {
/// use cloakroom::CrossSite;
///
/// let cross_site = CrossSite::default()
///     .own("https://shop.example")?      // behind a proxy: what browsers see
///     .trust("https://pay.example")?;    // another origin whose pages may post here
/// # Ok(())
/// # }
/// ```
///
/// # What is allowed
///
/// 1. The methods GET, HEAD and OPTIONS, but for the handshake of a websocket, which is a GET that opens a
///    conversation with the user's cookies. So nothing may be changed by a GET.
/// 2. `Sec-Fetch-Site: same-origin`, and `none`, by which a browser says that the user did it.
/// 3. With any other `Sec-Fetch-Site`, an `Origin` that is [trusted](Self::trust), and nothing else. So another origin of
///    the same site is refused: what runs on a neighbouring subdomain or port is not this application.
/// 4. Without `Sec-Fetch-Site`, an `Origin` that is [our own](Self::own) or trusted. Where no origin of our own was
///    named, it is one with the host and port of the request.
/// 5. Neither `Sec-Fetch-Site` nor `Origin`: no browser of the last years, so nobody's cookie is misused. A script or
///    another server can ask.
///
/// Anything else is refused: a value that no browser sends, a header that comes twice, `Origin: null`. These are the
/// rules of Go's `CrossOriginProtection` and of the OWASP cheat sheet, without exemptions by path.
///
/// Browsers send `Sec-Fetch-Site` over HTTPS and to localhost only. Over plain HTTP everything rests on `Origin`, and
/// that does not tell `http` from `https` unless [`own`](Self::own) says which it is. The guide
/// [`forms`](crate::guide::forms) says what else there is to know.
///
/// [Fetch Metadata]: https://www.w3.org/TR/fetch-metadata/
#[derive(Debug, Clone, Default)]
pub struct CrossSite {
    own: Arc<[Origin]>,
    trusted: Arc<[Origin]>,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mode {
    #[default]
    Refuse,
    Report,
}

impl CrossSite {
    /// What a response says it depends on where a request was looked at: the value of its `Vary` header.
    pub const VARY: &str = "Sec-Fetch-Site, Origin";

    /// Names an origin of this application, as browsers see it; once for each, where there are several.
    ///
    /// Then `Host` is not asked any more: a proxy may set it to anything, and a request says in it what it likes. It
    /// matters where browsers send no `Sec-Fetch-Site`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for anything but `https://host` or `https://host:port` (or `http`), such as one with a
    /// path, a user name, a pattern, or a name that is not in punycode. Case, the scheme's own port and a slash at the
    /// end make no difference.
    pub fn own(mut self, origin: &str) -> Result<Self, Error> {
        add(&mut self.own, Origin::parse(origin)?);
        Ok(self)
    }

    /// Lets the pages of another origin send anything here. Exactly this one: there are no patterns.
    ///
    /// Whoever can run a script there can do here whatever the user can.
    ///
    /// # Errors
    ///
    /// As [`own`](Self::own).
    pub fn trust(mut self, origin: &str) -> Result<Self, Error> {
        add(&mut self.trusted, Origin::parse(origin)?);
        Ok(self)
    }

    /// Refuses nothing, and only logs what it would refuse: to begin with, in an application that has users already.
    #[must_use]
    pub fn report_only(mut self) -> Self {
        self.mode = Mode::Report;
        self
    }

    /// Says what the rules are for a request, in any framework. Logs nothing, and knows nothing of
    /// [`report_only`](Self::report_only).
    ///
    /// `authority` is that of the request's target, where it has one: HTTP/2's `:authority`. `values` answers the
    /// values of a header, whose name it is given in lower case.
    ///
    /// # Errors
    ///
    /// Why the request is taken for one that another site caused.
    pub fn judge<'a, V>(
        &self,
        method: &str,
        authority: Option<&'a [u8]>,
        values: impl Fn(&'static str) -> V,
    ) -> Result<(), Denial>
    where
        V: Iterator<Item = &'a [u8]>,
    {
        if is_safe(method) && !asks_for_websocket(method, values("upgrade")) {
            return Ok(());
        }
        let origin = Said::of(values("origin"));
        let denied = |reason| Err(Denial::new(reason, &origin));
        match Said::of(values("sec-fetch-site")) {
            Said::Once(b"same-origin" | b"none") => Ok(()),
            Said::Never => match origin {
                // It is not a browser, or one from before 2020, and then SameSite and a form token are what is left.
                Said::Never => Ok(()),
                Said::Several => denied(DenialReason::UnreadableOrigin),
                Said::Once(value) => match Origin::read(value) {
                    None => denied(DenialReason::UnreadableOrigin),
                    Some(origin) if self.trusted.contains(&origin) => Ok(()),
                    Some(origin) if self.is_own(&origin, authority, values("host")) => Ok(()),
                    Some(_) => denied(DenialReason::OtherOrigin),
                },
            },
            _ if origin.is_one_of(&self.trusted) => Ok(()),
            Said::Once(b"same-site") => denied(DenialReason::SameSite),
            Said::Once(b"cross-site") => denied(DenialReason::CrossSite),
            Said::Once(_) | Said::Several => denied(DenialReason::UnreadableSite),
        }
    }

    /// Says whether a request may go on, and tells the log where it may not: what an adapter to a framework calls.
    ///
    /// Takes what [`judge`](Self::judge) takes. A refused request is answered with the
    /// [status](ErrorKind::status) and [reason](ErrorKind::reason) of the error's kind. The responses to requests of
    /// all methods but GET, HEAD and OPTIONS get a header `Vary` of [`VARY`](Self::VARY).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CrossSite`] for a request that is refused.
    pub fn check<'a, V>(
        &self,
        method: &str,
        authority: Option<&'a [u8]>,
        values: impl Fn(&'static str) -> V,
    ) -> Result<(), Error>
    where
        V: Iterator<Item = &'a [u8]>,
    {
        match (self.judge(method, authority, values), self.mode) {
            (Ok(()), _) => Ok(()),
            (Err(denial), Mode::Report) => {
                events::cross_site_let_through(&denial, method);
                Ok(())
            }
            (Err(denial), Mode::Refuse) => {
                events::cross_site_refused(&denial, method);
                Err(Error::new(
                    ErrorKind::CrossSite,
                    "another site made the browser send this request",
                ))
            }
        }
    }

    /// Whether an origin is ours: one that was named or, where none was, that of the request itself.
    ///
    /// Without a named one the scheme is not known, and a page at `http://` may post to `https://` of the same host.
    /// Whoever can put a page there is between the user and the server; HSTS is what helps.
    fn is_own<'a>(
        &self,
        origin: &Origin,
        authority: Option<&'a [u8]>,
        hosts: impl Iterator<Item = &'a [u8]>,
    ) -> bool {
        if !self.own.is_empty() {
            return self.own.contains(origin);
        }
        // RFC 9112 §3.2.2: where the target has an authority, `Host` counts for nothing.
        match authority.map_or_else(|| Said::of(hosts), Said::Once) {
            Said::Once(host) => origin.is_at(host),
            Said::Never | Said::Several => false,
        }
    }
}

/// Whether a method changes nothing. Not TRACE, which no page can send, and not a method in lower case.
pub(crate) fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Whether a request opens a websocket (RFC 6455 §4.1). Over HTTP/2 that is the method CONNECT, which is not safe.
fn asks_for_websocket<'a>(method: &str, mut upgrades: impl Iterator<Item = &'a [u8]>) -> bool {
    let names = |value: &[u8]| {
        value
            .split(|byte| *byte == b',')
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    };
    method == "GET" && upgrades.any(names)
}

fn add(origins: &mut Arc<[Origin]>, origin: Origin) {
    if !origins.contains(&origin) {
        *origins = origins.iter().cloned().chain([origin]).collect();
    }
}

/// What a request says in a header that stands in it once at most.
#[derive(Debug, Clone, Copy)]
enum Said<'a> {
    Never,
    Once(&'a [u8]),
    Several,
}

impl<'a> Said<'a> {
    fn of(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Never,
            (Some(value), None) => Self::Once(value),
            (Some(_), Some(_)) => Self::Several,
        }
    }

    fn is_one_of(&self, origins: &[Origin]) -> bool {
        // Most applications trust nobody, and then there is nothing to be read.
        match self {
            Self::Once(value) if !origins.is_empty() => {
                Origin::read(value).is_some_and(|origin| origins.contains(&origin))
            }
            _ => false,
        }
    }
}

/// Why a request is taken for one that another site caused. Displayed for a log, with the origin it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    reason: DenialReason,
    origin: Option<String>,
}

impl Denial {
    /// As much of an `Origin` as a log is told. No name of a host is longer.
    const LONGEST: usize = 300;

    fn new(reason: DenialReason, origin: &Said<'_>) -> Self {
        let origin = match origin {
            Said::Once(value) => Some(value[..value.len().min(Self::LONGEST)].escape_ascii().to_string()),
            Said::Never | Said::Several => None,
        };
        Self { reason, origin }
    }

    /// Which rule it is against.
    pub fn reason(&self) -> DenialReason {
        self.reason
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            DenialReason::CrossSite => "caused by another site",
            DenialReason::OtherOrigin => "caused by another origin",
            DenialReason::SameSite => "caused by another origin of the same site",
            DenialReason::UnreadableOrigin => "its Origin is none",
            DenialReason::UnreadableSite => "its Sec-Fetch-Site is none",
        })?;
        match &self.origin {
            Some(origin) => write!(f, " (Origin: {origin})"),
            None => Ok(()),
        }
    }
}

/// Which rule a request is against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenialReason {
    /// `Sec-Fetch-Site: cross-site`.
    CrossSite,
    /// There is no `Sec-Fetch-Site`, and `Origin` is neither ours nor trusted.
    OtherOrigin,
    /// `Sec-Fetch-Site: same-site`.
    SameSite,
    /// There is no `Sec-Fetch-Site`, and `Origin` is `null`, or nothing that a browser sends, or comes twice.
    UnreadableOrigin,
    /// `Sec-Fetch-Site` is nothing that a browser sends, or comes twice.
    UnreadableSite,
}
