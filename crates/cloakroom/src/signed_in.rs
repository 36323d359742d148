//! What a handler asks of who is signed in: when and how they have shown who they are, and whether that is enough.

use std::time::Duration;

use cloakroom_store::{Principal, Timestamp};

use crate::authentication::{self, Authentication};
use crate::lifecycle::Why;
use crate::seal::{Derivation, Fingerprint};
use crate::{Error, Session};

impl Session {
    /// How and when who is signed in has shown who they are, with this request's own changes; `None` when nobody is, or
    /// where the session was signed in by a version that kept no such thing.
    ///
    /// ```
    /// use cloakroom::{Error, Session, SignIn};
    ///
    /// async fn sign_in(session: Session) -> Result<(), Error> {
    ///     // … once the password and the code have been checked:
    ///     session.sign_in(SignIn::new("alice").method("password+totp").level(2))?;
    ///     let authentication = session.authentication().expect("somebody has just signed in");
    ///     assert_eq!(authentication.level, 2);
    ///     Ok(())
    /// }
    /// ```
    pub fn authentication(&self) -> Option<Authentication> {
        self.kept().map(|(authentication, _)| authentication)
    }

    /// When who is signed in has last shown who they are: see [`authentication`](Self::authentication).
    pub fn signed_in_at(&self) -> Option<Timestamp> {
        self.authentication().map(|authentication| authentication.at)
    }

    /// Asks that whoever is signed in has shown who they are within this time: before a password is changed, a device
    /// removed, money sent (OWASP ASVS 7.5.1 to 7.5.3).
    ///
    /// Where it was longer ago, let them show it again and call [`sign_in`](Self::sign_in) for the same principal: it
    /// gives the session a new token and keeps its data, and decides anew whether they are
    /// [remembered](crate::SignIn::remember). As a response the error is a 401 whose challenge says so (RFC 9470),
    /// so that a script can tell it from having been signed out:
    /// `WWW-Authenticate: Session error="insufficient_user_authentication", max_age=300`.
    ///
    /// ```
    /// use cloakroom::{Error, Session};
    /// use std::time::Duration;
    ///
    /// async fn delete_account(session: Session) -> Result<(), Error> {
    ///     session.require_recent(Duration::from_secs(300))?;
    ///     // …
    ///     Ok(())
    /// }
    /// ```
    ///
    /// An application of pages says once where one signs in: [`Sessions::sign_in_page`](crate::Sessions::sign_in_page) sends
    /// browsers there and back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotSignedIn`](crate::ErrorKind::NotSignedIn) when nobody is signed in, and
    /// [`ErrorKind::NotRecent`](crate::ErrorKind::NotRecent).
    pub fn require_recent(&self, max_age: Duration) -> Result<(), Error> {
        self.require_somebody()?;
        let now = self.0.config.clock.now();
        match self.signed_in_at() {
            Some(at) if now.since(at) <= max_age => Ok(()),
            Some(_) | None => Err(Error::not_recent(max_age)),
        }
    }

    /// Asks that whoever is signed in has shown who they are at least this well: see [`SignIn::level`](crate::SignIn::level).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotSignedIn`](crate::ErrorKind::NotSignedIn) when nobody is signed in, and
    /// [`ErrorKind::TooWeak`](crate::ErrorKind::TooWeak): a 401, whose challenge names the level.
    pub fn require_level(&self, level: u8) -> Result<(), Error> {
        self.require_somebody()?;
        match self.authentication() {
            Some(authentication) if authentication.level >= level => Ok(()),
            Some(_) | None => Err(Error::too_weak(level)),
        }
    }

    /// Whether the session was signed in with these credentials, in constant time: see
    /// [`SignIn::credentials`](crate::SignIn::credentials).
    ///
    /// `false` also for a session that was signed in without any: nobody can say what it was signed in with.
    pub fn signed_in_with(&self, credentials: &[u8]) -> bool {
        let derivation = &self.0.config.envelope.derivation;
        self.signed_in()
            .is_some_and(|signed_in| signed_in.with(derivation, credentials))
    }

    /// Who is signed in at this moment.
    pub(crate) fn signed_in(&self) -> Option<SignedIn> {
        let state = self.0.state();
        let principal = state.view.principal.clone()?;
        let kept = state.view.data.get(authentication::NAME).map(<[u8]>::to_vec);
        Some(SignedIn { principal, kept })
    }

    fn kept(&self) -> Option<(Authentication, Option<Fingerprint>)> {
        self.signed_in()?.kept()
    }

    fn require_somebody(&self) -> Result<(), Error> {
        match self.0.state().view.principal {
            Some(_) => Ok(()),
            None => Err(Error::not_signed_in()),
        }
    }
}

/// Who is signed in, and what is kept of how they have shown who they are.
#[derive(PartialEq)]
pub(crate) struct SignedIn {
    pub(crate) principal: Principal,
    kept: Option<Vec<u8>>,
}

impl SignedIn {
    /// Whether it was with the credentials that the user has, or without any where there are none; and if not, why the
    /// session is over.
    pub(crate) fn with_what_there_is(
        &self,
        derivation: &Derivation,
        credentials: Option<&[u8]>,
    ) -> Result<(), Why> {
        let had_some = matches!(self.kept(), Some((_, Some(_))));
        match credentials {
            Some(credentials) if self.with(derivation, credentials) => Ok(()),
            Some(_) if had_some => Err(Why::CredentialsChanged),
            Some(_) => Err(Why::WithoutCredentials),
            None if had_some => Err(Why::CredentialsGone),
            None => Ok(()),
        }
    }

    fn with(&self, derivation: &Derivation, credentials: &[u8]) -> bool {
        match self.kept() {
            Some((_, Some(kept))) => kept.matches(&derivation.fingerprint(&self.principal, credentials)),
            _ => false,
        }
    }

    fn kept(&self) -> Option<(Authentication, Option<Fingerprint>)> {
        authentication::from_json(self.kept.as_deref()?)
    }
}
