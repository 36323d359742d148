//! What the sealed strategy takes, and what this node knows of its sessions.

use cloakroom_store::Timestamp;

use crate::claims::Claims;
use crate::revocations::{Revocations, Verdict};
use crate::sealed_cookie::SealedCookie;

/// What the sealed strategy takes.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) cookie: SealedCookie,
    /// How sessions are ended; `None` where nobody can.
    pub(crate) revocations: Option<Revocations>,
}

impl Sealed {
    /// Whether sign-ins are registered, so that sessions can be listed and counted.
    pub(crate) fn registers(&self) -> bool {
        let revocations = self.revocations.as_ref();
        revocations.is_some_and(|revocations| revocations.registry().is_some())
    }

    /// Before which moment nobody's session counts, as far as this node knows.
    pub(crate) fn everyones_moment(&self) -> Timestamp {
        let revocations = self.revocations.as_ref();
        revocations.map_or_else(Timestamp::default, |revocations| revocations.copy().everyone())
    }

    /// Whether a session still counts, with a token it got at this moment, as far as this node knows.
    pub(crate) fn verdict(&self, claims: &Claims, rotated: Timestamp) -> Verdict {
        match &self.revocations {
            None => Verdict::Counts,
            Some(revocations) => {
                let principal = claims.principal.as_ref();
                let copy = revocations.copy();
                copy.verdict(claims.id, principal, claims.begun, rotated)
            }
        }
    }
}
