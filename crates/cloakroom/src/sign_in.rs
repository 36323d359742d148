//! Who signs in, and how.

use std::fmt;

use cloakroom_store::{Label, Principal, Timestamp};
use zeroize::Zeroizing;

use crate::authentication::{self, Authentication};
use crate::seal::Derivation;
use crate::{Error, ErrorKind};

/// Who signs in, and how: given to [`Session::sign_in`](crate::Session::sign_in).
///
/// A user id alone is one, too: `session.sign_in("alice")`, `session.sign_in(user.id)`. Not so where the application's
/// [`Users::credentials`](crate::Users::credentials) answers some: then each sign-in needs [`credentials`](Self::credentials).
///
/// ```
/// use cloakroom::SignIn;
///
/// let sign_in = SignIn::new("alice").remember(true).label("Firefox on Linux");
/// ```
#[derive(Clone)]
#[must_use = "it is given to `Session::sign_in`"]
pub struct SignIn {
    principal: String,
    remember: bool,
    label: Option<Label>,
    method: Option<String>,
    level: u8,
    credentials: Option<Zeroizing<Vec<u8>>>,
}

impl SignIn {
    /// The longest method, in bytes.
    const MAX_METHOD: usize = 64;

    /// Signs in this principal: the application's own user id, text of 1 to 255 bytes.
    pub fn new(principal: impl Into<String>) -> Self {
        Self {
            principal: principal.into(),
            remember: false,
            label: None,
            method: None,
            level: 0,
            credentials: None,
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

    /// By what they have shown who they are: the application's own word of at most 64 bytes, such as `password`,
    /// `passkey` or `password+totp`. Read with [`Session::authentication`](crate::Session::authentication).
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// How well they have shown who they are, on the application's own scale: more is better, and what says nothing is
    /// 0. NIST's authenticator assurance levels are 1 to 3. Asked for with
    /// [`Session::require_level`](crate::Session::require_level).
    pub fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// What they have shown it with, as the application keeps it: the stored hash of the password, say. Whatever
    /// changes it ends the sessions that were signed in with what was there before: see
    /// [`Session::signed_in_with`](crate::Session::signed_in_with) and
    /// [`Users::credentials`](crate::Users::credentials), which asks it of each request that looks up its user.
    ///
    /// The session keeps a fingerprint, from which nobody has the credentials back.
    ///
    /// Where [`Users::credentials`](crate::Users::credentials) answers some, a sign-in without them is over when its user is
    /// first looked up, and where it answers none, one with them; the log warns of it.
    ///
    /// ```
    /// # use cloakroom::{Error, Session, SignIn};
    /// # struct Account { id: u64, password_hash: String }
    /// # async fn f(session: Session, account: Account) -> Result<(), Error> {
    /// session.sign_in(SignIn::from(account.id).credentials(account.password_hash))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// After a change of the password sign in again with the new ones: that keeps the session in which it was done. Do it
    /// at once and [`save`](crate::Session::save): another request of the same browser that comes in between finds the new
    /// password and the old fingerprint, and signs out.
    pub fn credentials(mut self, credentials: impl AsRef<[u8]>) -> Self {
        self.credentials = Some(Zeroizing::new(credentials.as_ref().to_vec()));
        self
    }

    /// Checks the principal and the method, of who signs in at this moment.
    pub(crate) fn check(self, now: Timestamp, derivation: &Derivation) -> Result<CheckedSignIn, Error> {
        let principal = Principal::new(self.principal).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("could not sign in: {error}")).with_source(error)
        })?;
        if let Some(method) = self
            .method
            .as_ref()
            .filter(|method| method.len() > Self::MAX_METHOD)
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "could not sign in: a method is at most {} bytes long, not {}",
                    Self::MAX_METHOD,
                    method.len()
                ),
            ));
        }
        let fingerprint = |credentials: &Zeroizing<Vec<u8>>| derivation.fingerprint(&principal, credentials);
        let fingerprint = self.credentials.as_ref().map(fingerprint);
        let authentication = Authentication {
            at: now,
            method: self.method,
            level: self.level,
        };
        Ok(CheckedSignIn {
            authentication: authentication::to_json(&authentication, fingerprint.as_ref()),
            principal,
            remember: self.remember,
            label: self.label,
        })
    }
}

impl fmt::Debug for SignIn {
    /// Shows no credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("principal", &self.principal)
            .field("remember", &self.remember)
            .field("label", &self.label)
            .field("method", &self.method)
            .field("level", &self.level)
            .finish_non_exhaustive()
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
#[derive(Clone)]
pub(crate) struct CheckedSignIn {
    pub(crate) principal: Principal,
    pub(crate) remember: bool,
    pub(crate) label: Option<Label>,
    /// What the session keeps of how and when it was, as JSON.
    pub(crate) authentication: Vec<u8>,
}

impl fmt::Debug for CheckedSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedSignIn")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}
