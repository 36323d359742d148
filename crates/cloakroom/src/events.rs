//! What happened to sessions, as `tracing` events: the session's id, never a token.

use cloakroom_store::Id;

use crate::ErrorKind;

/// A session began, anonymous or signed in.
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

/// A session ended, and why.
pub(crate) fn ended(session: Id, why: &'static str) {
    tracing::info!(target: "cloakroom", %session, why, "session ended");
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

/// A token's secret is not, or no longer, the session's.
pub(crate) fn superseded(session: Id) {
    tracing::debug!(target: "cloakroom", %session, "token does not match: treated as anonymous");
}

/// The cookie's value is no token.
pub(crate) fn malformed_token() {
    tracing::debug!(target: "cloakroom", "cookie is not a token: treated as anonymous");
}

/// The cookie's name stands in the request more than once.
pub(crate) fn several_cookies() {
    tracing::warn!(target: "cloakroom", "session cookie sent more than once: treated as anonymous");
}

/// A touch did not get through: the session may end sooner than its user expects.
pub(crate) fn touch_failed(session: Id, error: &cloakroom_store::Error) {
    tracing::warn!(target: "cloakroom", %session, %error, "could not touch session");
}

/// A store call failed, and is being settled or tried again.
pub(crate) fn retrying(session: Id, error: &cloakroom_store::Error) {
    tracing::warn!(target: "cloakroom", %session, %error, "store failed while writing session, settling");
}

/// A request failed because of the store.
pub(crate) fn failed(error: &crate::Error) {
    match error.kind() {
        // The policy at work, not a failure.
        ErrorKind::AtCap => tracing::info!(target: "cloakroom", %error, "sign-in refused"),
        _ => tracing::error!(target: "cloakroom", %error, "session failed"),
    }
}

/// A sweep failed half way: the next one goes on.
pub(crate) fn sweep_failed(removed: u64, error: &cloakroom_store::Error) {
    tracing::warn!(
        target: "cloakroom", removed, %error,
        "could not sweep all expired sessions: some are left for the next round"
    );
}

/// A sweep removed what had expired; none is left.
pub(crate) fn swept(removed: u64) {
    tracing::debug!(target: "cloakroom", removed, "expired sessions swept, none left");
}

/// An operator ended everyone's sessions.
pub(crate) fn everyone_ended(sessions: u64) {
    tracing::warn!(target: "cloakroom", sessions, "everyone's sessions ended");
}
