//! The cookies of one browser, so that a user is signed in without one.

use std::fmt;

use crate::{Error, Outcome, Session, Sessions, SignIn};

/// The cookies of one browser, for tests that call an application in process.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # async fn f() -> Result<(), cloakroom::Error> {
/// use cloakroom::testing::CookieJar;
/// use cloakroom::{Key, Sessions, stores::Memory};
///
/// const CART: Key<Vec<String>> = Key::new("cart");
///
/// let sessions = Sessions::new(Memory::default());
/// let mut alice = CookieJar::signed_in(&sessions, "alice").await?;
/// // What a handler would have done:
/// alice.request(&sessions, async |session| session.set(CART, &vec!["coat".to_owned()])).await?;
/// // What her next request sends:
/// let cookie: String = alice.header();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct CookieJar(Vec<(String, String)>);

impl CookieJar {
    /// The cookies of a user who has just signed in.
    ///
    /// # Errors
    ///
    /// Those of [`Session::sign_in`] and [`Session::save`].
    pub async fn signed_in(sessions: &Sessions, sign_in: impl Into<SignIn>) -> Result<Self, Error> {
        let (mut jar, sign_in) = (Self::default(), sign_in.into());
        jar.request(sessions, async |session| session.sign_in(sign_in))
            .await?;
        Ok(jar)
    }

    /// Runs a handler with the session that these cookies name, and keeps what the response would have set.
    ///
    /// An error of the handler drops what it recorded, as a 5xx does.
    ///
    /// # Errors
    ///
    /// The handler's, or what comes in the place of its response when its changes cannot be written.
    pub async fn request<T>(
        &mut self,
        sessions: &Sessions,
        handler: impl AsyncFnOnce(Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let header = self.header();
        let session = sessions.open([header.as_bytes()].into_iter()).await?;
        let answer = handler(session.clone()).await;
        let outcome = match &answer {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::ServerError,
        };
        let finished = sessions.finish(&session, outcome).await;
        for line in [finished.set_cookie, finished.set_snapshot].into_iter().flatten() {
            self.set(&line);
        }
        finished.result?;
        answer
    }

    /// The value of the `Cookie` header that a browser with these cookies sends; empty without any.
    pub fn header(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Does as a browser does with one value of a `Set-Cookie` header: sets the cookie, or removes it where it says
    /// `Max-Age=0`. Other attributes mean nothing here, and what is no cookie is ignored.
    pub fn set(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        self.0.retain(|(present, _)| present != name.trim());
        let is_removal = |attribute: &str| attribute.trim().eq_ignore_ascii_case("max-age=0");
        if !attributes.split(';').any(is_removal) {
            self.0.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

impl fmt::Debug for CookieJar {
    /// Shows the names, never a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}
