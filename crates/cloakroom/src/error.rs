//! What can go wrong with a session, and what the client may know of it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_store as store;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Something could not be done with a session.
///
/// [`kind`](Self::kind) is to branch on, `source` tells the operator the story, and the text is for the
/// log. With feature `axum` or `actix` it is a response that tells the client the kind and nothing else.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Source>,
    /// What whoever is to sign in is asked for, in seconds or as a level.
    asks: Option<u64>,
}

impl Error {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a 401 asks for: the value of its `WWW-Authenticate` (RFC 9110 §15.5.2), `None` for any other.
    ///
    /// The scheme is `Session`, which no browser knows and so asks nobody for a password. What was not shown lately or well
    /// enough is said in the words of RFC 9470: `error="insufficient_user_authentication"` with `max_age` or `acr_values`.
    pub fn challenge(&self) -> Option<String> {
        let asks = self.asks.unwrap_or_default();
        let insufficient = r#"Session error="insufficient_user_authentication""#;
        match self.kind {
            ErrorKind::NotSignedIn => Some("Session".to_owned()),
            ErrorKind::NotRecent => Some(format!("{insufficient}, max_age={asks}")),
            ErrorKind::TooWeak => Some(format!(r#"{insufficient}, acr_values="{asks}""#)),
            _ => None,
        }
    }

    /// How many seconds a client is asked to wait: the `Retry-After` of a 429 or a 503 (RFC 9110 §10.2.3), `None` for any
    /// other.
    pub fn retry_after(&self) -> Option<u32> {
        match self.kind {
            ErrorKind::TooManyAttempts => self.asks.map(|seconds| seconds.try_into().unwrap_or(u32::MAX)),
            kind => kind.retry_after(),
        }
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            asks: None,
        }
    }

    pub(crate) fn not_signed_in() -> Self {
        Self::new(ErrorKind::NotSignedIn, "nobody is signed in")
    }

    pub(crate) fn not_recent(max_age: Duration) -> Self {
        let mut error = Self::new(
            ErrorKind::NotRecent,
            format!("who is signed in has not shown who they are within {max_age:?}"),
        );
        error.asks = Some(max_age.as_secs());
        error
    }

    pub(crate) fn too_weak(level: u8) -> Self {
        let mut error = Self::new(
            ErrorKind::TooWeak,
            format!("who is signed in has not shown who they are at level {level}"),
        );
        error.asks = Some(level.into());
        error
    }

    pub(crate) fn too_many_attempts(per: &str, seconds: u64) -> Self {
        let mut error = Self::new(
            ErrorKind::TooManyAttempts,
            format!("too many attempts per {per}: the next in {seconds} seconds"),
        );
        error.asks = Some(seconds);
        error
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// An error of a store while the library was `doing` something.
    pub(crate) fn store(doing: &'static str, error: store::Error) -> Self {
        let kind = match error.kind() {
            store::ErrorKind::TooLarge => ErrorKind::TooLarge,
            store::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Unavailable,
        };
        let told = error.to_string();
        // Stores say themselves what they could not do, and to which server.
        let message = match told.starts_with("could not ") {
            true => told,
            false => format!("could not {doing}: {told}"),
        };
        Self::new(kind, message).with_source(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The principal has as many sessions as the policy allows. HTTP 409.
    AtCap,
    /// The request's cookies are too large to look through. HTTP 431.
    CookiesTooLarge,
    /// Another site made the browser send the request. HTTP 403.
    CrossSite,
    /// A stored value is not of the key's type. HTTP 500.
    Decode,
    /// A value could not be written as JSON. HTTP 500.
    Encode,
    /// The form was not made for this session. HTTP 403.
    FormToken,
    /// A setting, key or principal is not valid. HTTP 500.
    Invalid,
    /// The route is not inside the session layer or middleware. HTTP 500.
    NoLayer,
    /// Nothing finds users of the type that was asked for. HTTP 500.
    NoUsers,
    /// Who is signed in has to show again who they are: it was too long ago. HTTP 401.
    NotRecent,
    /// Nobody is signed in. HTTP 401.
    NotSignedIn,
    /// The response head has left: no cookie can be sent any more. HTTP 500.
    TooLate,
    /// The session's data is larger than the store takes, or than fits into its cookie. HTTP 500.
    TooLarge,
    /// Somebody has tried too often: to sign in, for most. HTTP 429.
    TooManyAttempts,
    /// Who is signed in has to show better who they are. HTTP 401.
    TooWeak,
    /// The store is down, slow or full: nothing is known, and nobody is signed out. HTTP 503.
    Unavailable,
    /// The store or the strategy cannot do it: the capability card says so. HTTP 500.
    Unsupported,
}

impl ErrorKind {
    /// The HTTP status that says this to a client.
    pub const fn status(self) -> u16 {
        match self {
            Self::AtCap => 409,
            Self::NotRecent | Self::NotSignedIn | Self::TooWeak => 401,
            Self::CookiesTooLarge => 431,
            Self::CrossSite | Self::FormToken => 403,
            Self::TooManyAttempts => 429,
            Self::Unavailable => 503,
            _ => 500,
        }
    }

    /// How many seconds a client is asked to wait: the `Retry-After` of a 503 (RFC 9110 §10.2.3). That of a 429 is what
    /// [`Error::retry_after`] says of it.
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::Unavailable => Some(5),
            _ => None,
        }
    }

    /// What a client may know of it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::AtCap => "too many sessions: sign out somewhere else first",
            Self::CookiesTooLarge => "too many cookies: clear the cookies of this site",
            Self::CrossSite => "this was sent from another site, and nothing was done",
            Self::FormToken => "this form is out of date, and nothing was done: load its page again",
            Self::NotRecent => "show again who you are: sign in once more",
            Self::NotSignedIn => "sign in first",
            Self::TooManyAttempts => "too many attempts: try again later",
            Self::TooWeak => "show better who you are: sign in with more than the last time",
            Self::Unavailable => "sessions are not available at the moment: try again in a few seconds",
            _ => "the session could not be used",
        }
    }
}
