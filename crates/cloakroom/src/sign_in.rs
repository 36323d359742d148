//! Who signs in, and how.

use cloakroom_store::{Label, Principal};

use crate::{Error, ErrorKind};

/// Who signs in, and how: given to [`Session::sign_in`](crate::Session::sign_in).
///
/// A user id alone is one, too: `session.sign_in("alice")`, `session.sign_in(user.id)`.
///
/// ```
/// use cloakroom::SignIn;
///
/// let sign_in = SignIn::new("alice").remember(true).label("Firefox on Linux");
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is given to `Session::sign_in`"]
pub struct SignIn {
    principal: String,
    remember: bool,
    label: Option<Label>,
}

impl SignIn {
    /// Signs in this principal: the application's own user id, text of 1 to 255 bytes.
    pub fn new(principal: impl Into<String>) -> Self {
        Self {
            principal: principal.into(),
            remember: false,
            label: None,
        }
    }

    /// Whether the user asked to be remembered: the cookie outlives the browser, and the session gets the
    /// policy's longer lifetime. A policy that remembers nobody ignores it.
    pub fn remember(mut self, remember: bool) -> Self {
        self.remember = remember;
        self
    }

    /// What to call this session in a list of devices: "Firefox on Linux". Cut after 255 bytes.
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(Label::new(label));
        self
    }

    /// Checks the principal.
    pub(crate) fn check(self) -> Result<CheckedSignIn, Error> {
        let principal = Principal::new(self.principal).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("could not sign in: {error}")).with_source(error)
        })?;
        Ok(CheckedSignIn {
            principal,
            remember: self.remember,
            label: self.label,
        })
    }
}

impl From<&str> for SignIn {
    fn from(principal: &str) -> Self {
        Self::new(principal)
    }
}

impl From<String> for SignIn {
    fn from(principal: String) -> Self {
        Self::new(principal)
    }
}

impl From<&Principal> for SignIn {
    fn from(principal: &Principal) -> Self {
        Self::new(principal.as_str())
    }
}

impl From<u64> for SignIn {
    fn from(principal: u64) -> Self {
        Self::new(principal.to_string())
    }
}

impl From<i64> for SignIn {
    fn from(principal: i64) -> Self {
        Self::new(principal.to_string())
    }
}

/// A [`SignIn`] whose principal is one.
#[derive(Debug, Clone)]
pub(crate) struct CheckedSignIn {
    pub(crate) principal: Principal,
    pub(crate) remember: bool,
    pub(crate) label: Option<Label>,
}
