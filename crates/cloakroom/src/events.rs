//! What happened to sessions, as `tracing` events: the session's id, never a token.

use std::error::Error as _;
use std::fmt;

use cloakroom_store::{Id, Swept};

use crate::ErrorKind;

/// A session began. A sign-in that begins one is told next.
pub(crate) fn begun(session: Id) {
    tracing::info!(target: "cloakroom", %session, "session begun");
}

/// Somebody signed in: the session has a new token.
pub(crate) fn signed_in(session: Id) {
    tracing::info!(target: "cloakroom", %session, "signed in");
}

/// A session has a new token.
pub(crate) fn rotated(session: Id) {
    tracing::debug!(target: "cloakroom", %session, "session rotated");
}

/// A session ended before its time, and why.
pub(crate) fn ended(session: Id, why: &'static str) {
    tracing::info!(target: "cloakroom", %session, why, "session ended");
}

/// A session may have ended: the store did not say.
pub(crate) fn may_have_ended(session: Option<Id>, why: &'static str) {
    let session = session.map(tracing::field::display);
    tracing::warn!(target: "cloakroom", session, why, "session may have ended: the store did not say");
}

/// The application signs somebody in and does not say with which credentials, though it compares them: a fault of its own,
/// which users would see as a sign-in that does not work.
pub(crate) fn without_credentials(session: Id) {
    tracing::warn!(
        target: "cloakroom", %session,
        "signed out: the sign-in had no credentials, and its user has some: call SignIn::credentials where they sign in"
    );
}

/// A user's credentials were taken away, or the application does not say which they have: a fault of its own, too.
pub(crate) fn credentials_gone(session: Id) {
    tracing::warn!(
        target: "cloakroom", %session,
        "signed out: the sign-in had credentials, and its user has none: answer them in Users::credentials, unless they are gone"
    );
}

/// A request has signed somebody in who may not be, and asked for its user before that was saved.
pub(crate) fn sign_in_dropped(session: Option<Id>, why: &'static str) {
    let session = session.map(tracing::field::display);
    tracing::warn!(target: "cloakroom", session, why, "sign-in dropped, with what else its request has recorded");
}

/// What was done to a session has been dropped, because it is over or belongs to another token now.
pub(crate) fn dropped(session: Id) {
    tracing::debug!(target: "cloakroom", %session, "late changes dropped");
}

/// A token was used after its successor: one of the two was stolen.
pub(crate) fn token_reused(session: Id) {
    tracing::warn!(target: "cloakroom", %session, "rotated token used again: taken for theft, session ended");
}

/// A record did not verify.
pub(crate) fn unverifiable(session: Id) {
    tracing::warn!(target: "cloakroom", %session, "stored session does not verify: treated as anonymous");
}

/// A record is sealed under a key that an operator has decided to refuse.
pub(crate) fn refused_key(session: Id, key: &dyn fmt::Display, state: &dyn fmt::Display) {
    tracing::warn!(
        target: "cloakroom", %session, %key, %state,
        "stored session is sealed under a key that is refused: treated as anonymous"
    );
}

/// A cookie is sealed under a key that an operator has decided to refuse.
pub(crate) fn cookie_under_refused_key(key: &dyn fmt::Display, state: &dyn fmt::Display) {
    tracing::warn!(
        target: "cloakroom", %key, %state,
        "session cookie is sealed under a key that is refused: treated as anonymous"
    );
}

/// A cookie did not open.
pub(crate) fn cookie_unverifiable() {
    tracing::warn!(target: "cloakroom", "session cookie does not verify: treated as anonymous");
}

/// A cookie's session has been ended.
pub(crate) fn revoked(session: Id) {
    tracing::debug!(target: "cloakroom", %session, "session was ended: treated as anonymous");
}

/// All sessions of a principal ended, but perhaps one.
pub(crate) fn principal_ended(kept: Option<Id>) {
    match kept {
        Some(session) => {
            tracing::info!(target: "cloakroom", %session, "all other sessions of its principal ended");
        }
        None => tracing::info!(target: "cloakroom", "all sessions of a principal ended"),
    }
}

/// The marks could not be read: what this node knows grows old.
pub(crate) fn refresh_failed(error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %error, "could not read what sessions have ended");
}

/// The store that has the marks knows less than before, or is another one: they are all read again.
pub(crate) fn marks_read_again() {
    tracing::warn!(target: "cloakroom", "reading again what sessions have ended: the store was restarted");
}

/// Sessions are accepted though nobody can say whether they were ended.
pub(crate) fn accepted_unknown(error: &cloakroom_store::Error) {
    tracing::error!(
        target: "cloakroom", error = %Story::of_store(error),
        "accepting sessions without knowing whether they were ended"
    );
}

/// A connection's session could not be asked for: it goes on, and is asked for again.
pub(crate) fn guard_unsure(session: Option<Id>, error: &crate::Error) {
    let error = Story::of(error);
    let session = session.map(tracing::field::display);
    tracing::warn!(target: "cloakroom", session, %error, "could not confirm session: its connection goes on");
}

/// A connection's session could not be asked for until nobody may believe in it any more.
pub(crate) fn guard_gave_up(session: Option<Id>, error: &crate::Error) {
    let error = Story::of(error);
    let session = session.map(tracing::field::display);
    tracing::warn!(target: "cloakroom", session, %error, "could not confirm session within the bound: its connection ends");
}

/// A session has ended, and could not be taken off the list of its principal's.
pub(crate) fn still_listed(session: Id, error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %session, %error, "session ended, and is still listed until it would have expired");
}

/// Marks could not be forgotten: a later round does.
pub(crate) fn forget_failed(error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %error, "could not forget marks whose time is over");
}

/// There were too many attempts within a window, and this is the first that was refused.
pub(crate) fn attempts_refused(by: &'static str, address: &dyn fmt::Display) {
    tracing::warn!(target: "cloakroom", by, %address, "too many attempts: refused until the window is over");
}

/// Attempts go on though nobody counts them.
pub(crate) fn attempt_uncounted(error: &cloakroom_store::Error) {
    tracing::error!(
        target: "cloakroom", error = %Story::of_store(error),
        "could not count an attempt: let through all the same"
    );
}

/// A sign-in that worked stays counted: its user may be refused sooner.
pub(crate) fn attempt_still_counted(error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %error, "could not take back an attempt that succeeded: it stays counted");
}

/// Counters could not be forgotten: a later round does.
pub(crate) fn forget_attempts_failed(error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %error, "could not forget attempts whose time is over");
}

/// Other keys are in use.
pub(crate) fn keys_changed(active: &dyn fmt::Display, keys: usize) {
    tracing::info!(target: "cloakroom", %active, keys, "key ring changed");
}

/// What a retiring key has opened since this was last told: what it sealed, and is still presented.
pub(crate) fn retiring_key(key: &dyn fmt::Display, opened: u64) {
    tracing::info!(target: "cloakroom", %key, opened, "use of a retiring key");
}

/// The key file cannot be used as it is now. The keys stay as they are.
pub(crate) fn keys_unreadable(error: &crate::Error) {
    tracing::error!(target: "cloakroom", %error, "could not take up the key file: going on with the keys as they were");
}

/// A token's secret is not, or no longer, the session's.
pub(crate) fn superseded(session: Id) {
    tracing::debug!(target: "cloakroom", %session, "token does not match: treated as anonymous");
}

/// The cookie's value is no token.
pub(crate) fn malformed_token() {
    tracing::debug!(target: "cloakroom", "cookie has not the form of ours: treated as anonymous");
}

/// The cookie's name stands in the request more than once.
pub(crate) fn several_cookies() {
    tracing::warn!(target: "cloakroom", "session cookie sent more than once: treated as anonymous");
}

/// A request that another site caused was refused.
pub(crate) fn cross_site_refused(why: &dyn fmt::Display, method: &str) {
    tracing::warn!(target: "cloakroom", %why, method, "cross-site request refused");
}

/// A request that another site caused was let through, because nothing is refused yet.
pub(crate) fn cross_site_let_through(why: &dyn fmt::Display, method: &str) {
    tracing::warn!(target: "cloakroom", %why, method, "cross-site request let through: only reporting");
}

/// A form came without a token of the session it was sent to, if there is one.
pub(crate) fn form_token_refused(session: Option<Id>) {
    match session {
        Some(session) => {
            tracing::warn!(target: "cloakroom", %session, "form token refused: not of this session");
        }
        None => tracing::warn!(target: "cloakroom", "form token refused: there is no session"),
    }
}

/// A touch did not get through: the session may end sooner than its user expects.
pub(crate) fn touch_failed(session: Id, error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %session, %error, "could not touch session");
}

/// A store call failed, and is being settled or tried again.
pub(crate) fn retrying(session: Id, error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %session, %error, "store failed while changing session, trying again if there is time");
}

/// The same, of all sessions of somebody.
pub(crate) fn retrying_all(error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(target: "cloakroom", %error, "store failed while ending somebody's sessions, trying again if there is time");
}

/// A request failed, or was refused.
pub(crate) fn failed(error: &crate::Error) {
    match error.kind() {
        // What happens all the time, a guard at work, and what any client can send.
        ErrorKind::CookiesTooLarge | ErrorKind::NotRecent | ErrorKind::NotSignedIn | ErrorKind::TooWeak => {
            tracing::debug!(target: "cloakroom", %error, "request refused");
        }
        // The policy at work, not a failure.
        ErrorKind::AtCap => tracing::info!(target: "cloakroom", %error, "sign-in refused"),
        // Told when it was refused.
        ErrorKind::CrossSite | ErrorKind::FormToken | ErrorKind::TooManyAttempts => {}
        _ => tracing::error!(target: "cloakroom", error = %Story::of(error), "session failed"),
    }
}

/// A sweep failed half way: the next one goes on.
pub(crate) fn sweep_failed(removed: u64, error: &cloakroom_store::Error) {
    let error = Story::of_store(error);
    tracing::warn!(
        target: "cloakroom", removed, %error,
        "could not sweep all expired sessions: some are left for the next round"
    );
}

/// A sweep removed what had expired, and could be had.
pub(crate) fn swept(swept: &Swept) {
    let removed = swept.removed;
    if swept.more {
        tracing::debug!(target: "cloakroom", removed, "expired sessions swept, but for what others have");
    } else {
        tracing::debug!(target: "cloakroom", removed, "expired sessions swept, none left");
    }
}

/// An operator ended everyone's sessions.
pub(crate) fn everyone_ended(sessions: u64) {
    tracing::warn!(target: "cloakroom", sessions, "everyone's sessions ended");
}

/// An error, and what a store says of its causes: the words of the server or its driver, in which the stores leave
/// nothing of anybody's. The causes of other errors may quote a value.
struct Story<'a> {
    told: &'a dyn fmt::Display,
    store: Option<&'a cloakroom_store::Error>,
}

impl<'a> Story<'a> {
    fn of(error: &'a crate::Error) -> Self {
        let store = error.source().and_then(|cause| cause.downcast_ref());
        Self { told: error, store }
    }

    fn of_store(error: &'a cloakroom_store::Error) -> Self {
        Self {
            told: error,
            store: Some(error),
        }
    }
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.told)?;
        let mut cause = self.store.and_then(|error| error.source());
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_words_of_the_server_and_no_value() {
        let refused =
            cloakroom_store::Error::new(cloakroom_store::ErrorKind::Unavailable, "could not read it")
                .with_source("password authentication failed");
        assert_eq!(
            Story::of_store(&refused).to_string(),
            "could not read it: password authentication failed"
        );
        assert_eq!(
            Story::of(&crate::Error::store("read session", refused)).to_string(),
            "could not read it: password authentication failed"
        );
        let terse = cloakroom_store::Error::new(cloakroom_store::ErrorKind::Full, "no room");
        assert_eq!(
            Story::of(&crate::Error::store("write session", terse)).to_string(),
            "could not write session: no room"
        );
        let quoting = crate::Error::new(ErrorKind::Encode, "not to be written").with_source("card 4111");
        assert_eq!(Story::of(&quoting).to_string(), "not to be written");
    }
}
